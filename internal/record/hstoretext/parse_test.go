package hstoretext_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/record/hstoretext"
)

// cases are texts and the pairs that Postgres makes of them; nil pairs of a
// text that is not empty stand for a refusal. TestAgreesWithPostgres asks a server
// about each.
var cases = []struct {
	in   string
	want []hstoretext.Pair
}{
	{`"id"=>"1", "name"=>NULL`, []hstoretext.Pair{{Key: "id", Value: "1"}, {Key: "name", Null: true}}},
	{`"name"=>"x", "id"=>"1"`, []hstoretext.Pair{{Key: "id", Value: "1"}, {Key: "name", Value: "x"}}},
	{`a=>b`, []hstoretext.Pair{{Key: "a", Value: "b"}}},
	{` a => b , c=>d,`, []hstoretext.Pair{{Key: "a", Value: "b"}, {Key: "c", Value: "d"}}},
	{`a=>null,b=>"null",c=>nUlL,d=>"NULL",e=>nullx`, []hstoretext.Pair{
		{Key: "a", Null: true}, {Key: "b", Value: "null"}, {Key: "c", Null: true}, {Key: "d", Value: "NULL"}, {Key: "e", Value: "nullx"}}},
	{`null=>1`, []hstoretext.Pair{{Key: "null", Value: "1"}}},
	{`a=>\null`, []hstoretext.Pair{{Key: "a", Null: true}}},
	{`a=>"q\"b\\s"`, []hstoretext.Pair{{Key: "a", Value: `q"b\s`}}},
	{`a\ b=>c\,d`, []hstoretext.Pair{{Key: "a b", Value: "c,d"}}},
	{`\=a=>1`, []hstoretext.Pair{{Key: "=a", Value: "1"}}},
	{`a=>b=c`, []hstoretext.Pair{{Key: "a", Value: "b=c"}}},
	{`a==>b`, nil},
	{`a=>=b`, []hstoretext.Pair{{Key: "a", Value: "=b"}}},
	{`a=>,b`, []hstoretext.Pair{{Key: "a", Value: ",b"}}},
	{`a,b=>c`, []hstoretext.Pair{{Key: "a,b", Value: "c"}}},
	{`,a=>c`, []hstoretext.Pair{{Key: ",a", Value: "c"}}},
	{`a=>b"c"`, []hstoretext.Pair{{Key: "a", Value: `b"c"`}}},
	{`a"b=>c`, []hstoretext.Pair{{Key: `a"b`, Value: "c"}}},
	{`a=>""`, []hstoretext.Pair{{Key: "a"}}},
	{`""=>a`, []hstoretext.Pair{{Key: "", Value: "a"}}},
	{`a=>1,a=>2`, []hstoretext.Pair{{Key: "a", Value: "1"}}},
	{`bb=>1,a=>2,bb=>3`, []hstoretext.Pair{{Key: "a", Value: "2"}, {Key: "bb", Value: "1"}}},
	{"a\t=>\nb ,\fc\r=>d", []hstoretext.Pair{{Key: "a", Value: "b"}, {Key: "c", Value: "d"}}},
	{"\"a\"=>\"l\nm\"", []hstoretext.Pair{{Key: "a", Value: "l\nm"}}},
	{`ä=>"ö€"`, []hstoretext.Pair{{Key: "ä", Value: "ö€"}}},
	{``, nil},
	{`   `, []hstoretext.Pair{}},
	{`a`, nil},
	{`a=`, nil},
	{`a=>`, nil},
	{`a=> `, nil},
	{`a=>"`, nil},
	{`a=>\`, nil},
	{`a=>"\`, nil},
	{`=>a`, nil},
	{`a=b`, nil},
	{`a= >b`, nil},
	{`a b=>c`, nil},
	{`a=>b c`, nil},
	{`a=>"b"c=>d`, nil},
	{`"a"b=>c`, nil},
	{`a=>b,,c=>d`, []hstoretext.Pair{{Key: "a", Value: "b"}, {Key: ",c", Value: "d"}}},
	{`a=>b,,`, nil},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range cases {
		got, err := hstoretext.Parse(tt.in)
		refused := tt.want == nil && tt.in != ""
		if refused != (err != nil) {
			t.Errorf("%q: %v, %v", tt.in, got, err)
			continue
		}
		var syntax *hstoretext.SyntaxError
		if err != nil && !errors.As(err, &syntax) {
			t.Errorf("%q: error %v has another type", tt.in, err)
		}
		if len(got) == 0 && len(tt.want) == 0 {
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: %s", tt.in, diff)
		}
	}
	for _, bad := range []string{"a=>\x00", "a=>\xff"} {
		if _, err := hstoretext.Parse(bad); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
	_, err := hstoretext.Parse(`"secret"=>"value" x`)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error %v shows data", err)
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	in := []hstoretext.Pair{{Key: "name", Value: `a"\`}, {Key: "id", Value: "1"}, {Key: "x", Null: true}, {Key: "id", Value: "2"}}
	want := `"x"=>NULL, "id"=>"1", "name"=>"a\"\\"`
	if got := string(hstoretext.Append(nil, in)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if in[0].Key != "name" {
		t.Error("Append changed its argument")
	}
	if p, ok := hstoretext.Get(in, "x"); !ok || !p.Null {
		t.Error("Get misses x")
	}
	if _, ok := hstoretext.Get(in, "y"); ok {
		t.Error("Get finds y")
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		chars := rapid.StringOf(rapid.RuneFrom([]rune("ab\"\\=>, \nNULé")))
		pairs := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) hstoretext.Pair {
			p := hstoretext.Pair{Key: chars.Draw(t, "key"), Null: rapid.Bool().Draw(t, "null")}
			if !p.Null {
				p.Value = chars.Draw(t, "value")
			}
			return p
		}), 0, 8, func(p hstoretext.Pair) string { return p.Key }).Draw(t, "pairs")
		text := string(hstoretext.Append(nil, pairs))
		got, err := hstoretext.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again := string(hstoretext.Append(nil, got)); again != text || len(got) != len(pairs) {
			t.Fatalf("%s came back as %s", text, again)
		}
	})
}
