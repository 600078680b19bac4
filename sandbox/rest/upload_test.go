package rest

import "testing"

func TestBlobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.create("Account", `{"Name":"x"}`)
	id := f.create("Attachment", `{"Name":"a.txt","ParentId":"`+parent+`","Body":"aGVsbG8="}`)
	want(t, f.call("GET", "/sobjects/Attachment/"+id, ""), 200, `"BodyLength":5`, `"Body":"/services/data/v68.0/sobjects/Attachment/`+id+`/Body"`)
	if a := f.call("GET", "/sobjects/Attachment/"+id+"/Body", ""); a.body != "hello" {
		t.Errorf("body %q", a.body)
	}
	want(t, f.call("POST", "/sobjects/Attachment", `{"Name":"a","ParentId":"`+parent+`","Body":"%%"}`), 400, "INVALID_BASE64_CONTENT")

	multi := func(name, bytes string) string {
		return "--B\r\nContent-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json\r\n\r\n" +
			`{"Title":"t","PathOnClient":"dir/t.PDF"}` +
			"\r\n--B\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"t.pdf\"\r\nContent-Type: application/octet-stream\r\n\r\n" + bytes + "\r\n--B--\r\n"
	}
	const kind = "multipart/form-data; boundary=B"
	a := f.call("POST", "/sobjects/ContentVersion", multi("VersionData", "\x00\xffbin"), "Content-Type", kind)
	want(t, a, 201, `"success":true`)
	version := a.body[7:25]
	want(t, f.call("GET", "/sobjects/ContentVersion/"+version, ""), 200, `"ContentSize":5`, `"FileExtension":"PDF"`, `"IsLatest":true`)
	if a := f.call("GET", "/sobjects/ContentVersion/"+version+"/VersionData", ""); a.body != "\x00\xffbin" {
		t.Errorf("bytes %q", a.body)
	}
	turned := "--B\r\nContent-Disposition: form-data; name=\"VersionData\"; filename=\"t\"\r\n\r\nhello\r\n" +
		"--B\r\nContent-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json\r\n\r\n" + `{"Title":"t","PathOnClient":"t.txt"}` + "\r\n--B--\r\n"
	a = f.call("POST", "/sobjects/ContentVersion", turned, "Content-Type", kind)
	want(t, a, 201)
	if b := f.call("GET", "/sobjects/ContentVersion/"+a.body[7:25]+"/VersionData", ""); b.body != "hello" {
		t.Errorf("bytes before the record: %q", b.body)
	}
	want(t, f.call("POST", "/sobjects/ContentVersion", multi("Title", "x"), "Content-Type", kind), 400, "INVALID_MULTIPART_REQUEST")
	want(t, f.call("POST", "/sobjects/ContentVersion", "--B--\r\n", "Content-Type", kind), 400, "INVALID_MULTIPART_REQUEST")
}
