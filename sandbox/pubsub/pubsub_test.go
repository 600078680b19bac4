package pubsub_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/internal/gen/eventbus"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/twmb/avro"
)

// fixture is an org and a client of its Pub/Sub API.
type fixture struct {
	t       *testing.T
	ctx     context.Context
	s       *sandbox.Server
	token   string
	client  eventbus.PubSubClient
	schemas map[string]*avro.Schema
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	s, err := sandbox.Start(ctx, sandbox.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{t: t, ctx: ctx, s: s, schemas: map[string]*avro.Schema{}}
	f.token = f.login(s.Clients[0])
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	f.client = eventbus.NewPubSubClient(&http.Client{Transport: &http.Transport{Protocols: protocols}}, "http://"+s.PubSubAddr(), connect.WithGRPC())
	return f
}

func (f *fixture) login(c sandbox.Client) string {
	f.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}
	res, err := http.PostForm(f.s.URL()+"/services/oauth2/token", form)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		f.t.Fatal(err)
	}
	return token.AccessToken
}

// call is a REST call that has to work; it gives the id in the reply.
func (f *fixture) call(method, path, body string) string {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.ctx, method, f.s.URL()+"/services/data/v68.0"+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+f.token)
	req.Header.Set("Sforce-Call-Options", "client=me")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		f.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, b, err)
	}
	var saved struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(b, &saved) // a collection has none
	return saved.ID
}

func (f *fixture) control(endpoint string, body any) {
	f.t.Helper()
	if err := f.s.Control().Do(f.ctx, http.MethodPost, endpoint, body, nil); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) authorise(h http.Header) {
	h.Set("accesstoken", f.token)
	h.Set("instanceurl", f.s.URL())
	h.Set("tenantid", f.s.Org.ID())
}

func request[T any](f *fixture, msg *T) *connect.Request[T] {
	r := connect.NewRequest(msg)
	f.authorise(r.Header())
	return r
}

type stream = connect.BidiStreamForClient[eventbus.FetchRequest, eventbus.FetchResponse]

func (f *fixture) subscribe(first *eventbus.FetchRequest) *stream {
	f.t.Helper()
	st := f.client.Subscribe(f.ctx)
	f.authorise(st.RequestHeader())
	if err := st.Send(first); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _, _ = st.CloseRequest(), st.CloseResponse() })
	return st
}

func (f *fixture) earliest(topic string, n int32) *stream {
	return f.subscribe(&eventbus.FetchRequest{TopicName: topic, ReplayPreset: eventbus.ReplayPreset_EARLIEST, NumRequested: n})
}

// event is a decoded change event.
type event struct {
	header map[string]any
	fields map[string]any
	replay []byte
}

func (f *fixture) schema(id string) *avro.Schema {
	f.t.Helper()
	if s := f.schemas[id]; s != nil {
		return s
	}
	res, err := f.client.GetSchema(f.ctx, request(f, &eventbus.SchemaRequest{SchemaId: id}))
	if err != nil {
		f.t.Fatal(err)
	}
	s, err := avro.Parse(res.Msg.GetSchemaJson())
	if err != nil {
		f.t.Fatalf("schema: %v\n%s", err, res.Msg.GetSchemaJson())
	}
	f.schemas[id] = s
	return s
}

func (f *fixture) decode(e *eventbus.ConsumerEvent) event {
	f.t.Helper()
	var v map[string]any
	rest, err := f.schema(e.GetEvent().GetSchemaId()).Decode(e.GetEvent().GetPayload(), &v)
	if err != nil || len(rest) > 0 {
		f.t.Fatalf("decode: %v, %d bytes left", err, len(rest))
	}
	out := event{header: v["ChangeEventHeader"].(map[string]any), fields: map[string]any{}, replay: e.GetReplayId()}
	for name, val := range v {
		if val != nil && name != "ChangeEventHeader" {
			out.fields[name] = val
		}
	}
	return out
}

// next reads n events from a stream.
func (f *fixture) next(st *stream, n int) []event {
	f.t.Helper()
	var list []event
	for len(list) < n {
		res, err := st.Receive()
		if err != nil {
			f.t.Fatalf("after %d of %d events: %v", len(list), n, err)
		}
		for _, e := range res.GetEvents() {
			list = append(list, f.decode(e))
		}
	}
	return list
}

func wantError(t *testing.T, err error, code connect.Code, name string) {
	t.Helper()
	ce, ok := errors.AsType[*connect.Error](err)
	if !ok || ce.Code() != code || ce.Meta().Get("error-code") != name {
		t.Errorf("error %v, want %s with %s", err, code, name)
		if ok {
			t.Logf("meta %v", ce.Meta())
		}
	}
}

func TestChangesOfARecord(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	st := f.subscribe(&eventbus.FetchRequest{TopicName: "/data/AccountChangeEvent", NumRequested: 50})
	f.control("switches", map[string]any{"events": map[string]any{"keepaliveSeconds": 1}})
	if res, err := f.earliest("/data/AccountChangeEvent", 1).Receive(); err != nil || len(res.GetEvents()) != 0 || len(res.GetLatestReplayId()) != 8 {
		t.Fatalf("keepalive: %v %v", res, err)
	}
	id := f.call("POST", "/sobjects/Account", `{"Name":"Acme","AnnualRevenue":12.5,"NumberOfEmployees":7,"Active__c":true,"Customer_Since__c":"2024-02-29",`+
		`"Last_Review__c":"2026-11-22T14:35:00Z","Channels__c":"Phone;Web","BillingCity":"Bonn","Phone":"1"}`)
	f.call("PATCH", "/sobjects/Account/"+id, `{"Phone":null,"Site":"x","BillingStreet":"A","BillingCity":null}`)
	f.call("DELETE", "/sobjects/Account/"+id, "")
	f.control("records", map[string]any{"action": "undelete", "id": id})
	got := f.next(st, 4)

	for i, kind := range []string{"CREATE", "UPDATE", "DELETE", "UNDELETE"} {
		if got[i].header["changeType"] != kind || !cmp.Equal(got[i].header["recordIds"], []any{id}) || got[i].header["entityName"] != "Account" {
			t.Errorf("event %d: %v", i, got[i].header)
		}
	}
	created := got[0]
	if created.header["changeOrigin"] != "com/salesforce/api/rest/68.0;client=me" || created.header["sequenceNumber"] != int32(1) {
		t.Errorf("header %v", created.header)
	}
	want := map[string]any{
		"Name": "Acme", "AnnualRevenue": 12.0, "NumberOfEmployees": int32(7), "Active__c": true, "Phone": "1", "Channels__c": "Web;Phone",
		"Customer_Since__c": int64(1709164800000), "Last_Review__c": int64(1795358100000), "IsPartner": false, "IsCustomerPortal": false,
	}
	for name, v := range want {
		if name == "AnnualRevenue" {
			v = 13.0 // rounded half up to the field's scale
		}
		if created.fields[name] != v {
			t.Errorf("%s is %v (%T), want %v", name, created.fields[name], created.fields[name], v)
		}
	}
	if a, ok := created.fields["BillingAddress"].(map[string]any); !ok || a["City"] != "Bonn" || a["Street"] != nil {
		t.Errorf("address %v", created.fields["BillingAddress"])
	}
	if len(created.header["changedFields"].([]any)) != 0 {
		t.Errorf("a create has changed fields: %v", created.header["changedFields"])
	}

	changed := got[1]
	names := f.named("/data/AccountChangeEvent", changed.header["changedFields"].([]any))
	if diff := cmp.Diff([]string{"BillingAddress.City", "BillingAddress.Street", "LastModifiedDate", "Phone", "Site"}, names); diff != "" {
		t.Errorf("changed fields differ (-want +got):\n%s", diff)
	}
	nulled := f.named("/data/AccountChangeEvent", changed.header["nulledFields"].([]any))
	if diff := cmp.Diff([]string{"BillingAddress.City", "Phone"}, nulled); diff != "" {
		t.Errorf("nulled fields differ (-want +got):\n%s", diff)
	}
	delete(changed.fields, "LastModifiedDate")
	street := map[string]any{"Street": "A"}
	for _, part := range []string{"City", "State", "PostalCode", "Country", "StateCode", "CountryCode", "Latitude", "Longitude", "GeocodeAccuracy"} {
		street[part] = nil
	}
	if diff := cmp.Diff(map[string]any{"Site": "x", "BillingAddress": street}, changed.fields); diff != "" {
		t.Errorf("an update carries what changed alone (-want +got):\n%s", diff)
	}
	if len(got[2].fields) != 0 || got[3].fields["Name"] != "Acme" {
		t.Errorf("delete %v, undelete %v", got[2].fields, got[3].fields)
	}
	if got[3].header["changeOrigin"] != "" || got[2].header["transactionKey"] == got[3].header["transactionKey"] {
		t.Errorf("header %v", got[3].header)
	}
	for i := 1; i < 4; i++ {
		if string(got[i].replay) <= string(got[i-1].replay) || got[i].header["commitNumber"].(int64) <= got[i-1].header["commitNumber"].(int64) {
			t.Errorf("event %d does not come after the one before", i)
		}
	}
}

// named reads bitmaps back by the schema, sorted by place.
func (f *fixture) named(topic string, maps []any) []string {
	f.t.Helper()
	info, err := f.client.GetTopic(f.ctx, request(f, &eventbus.TopicRequest{TopicName: topic}))
	if err != nil {
		f.t.Fatal(err)
	}
	var root struct {
		Fields []struct {
			Name string
			Type any
		}
	}
	res, err := f.client.GetSchema(f.ctx, request(f, &eventbus.SchemaRequest{SchemaId: info.Msg.GetSchemaId()}))
	if err != nil {
		f.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(res.Msg.GetSchemaJson()), &root); err != nil {
		f.t.Fatal(err)
	}
	var parts []string
	for _, fd := range root.Fields {
		if branches, ok := fd.Type.([]any); ok {
			if rec, ok := branches[1].(map[string]any); ok && rec["name"] == "Address" {
				for _, p := range rec["fields"].([]any) {
					parts = append(parts, p.(map[string]any)["name"].(string))
				}
				break
			}
		}
	}
	return readBitmaps(f.t, maps, func(place int) string { return root.Fields[place].Name }, func(member int) string { return parts[member] })
}

func TestMergedEventsAndSequence(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	st := f.earliest("/data/ChangeEvents", 100)
	var ids []string
	for range 3 {
		ids = append(ids, f.call("POST", "/sobjects/Account", `{"Name":"A"}`))
	}
	f.next(st, 3)
	rec := func(i int, site string) string {
		return `{"attributes":{"type":"Account"},"id":"` + ids[i] + `","Site":"` + site + `"}`
	}
	f.call("PATCH", "/composite/sobjects", `{"records":[`+rec(0, "x")+`,`+rec(1, "y")+`,`+rec(2, "x")+`]}`)
	f.call("DELETE", "/composite/sobjects?ids="+strings.Join(ids, ","), "")
	got := f.next(st, 3)
	if !cmp.Equal(got[0].header["recordIds"], []any{ids[0], ids[2]}) || got[0].header["sequenceNumber"] != int32(1) ||
		got[1].header["sequenceNumber"] != int32(2) || got[0].header["transactionKey"] != got[1].header["transactionKey"] {
		t.Errorf("updates %v\n%v", got[0].header, got[1].header)
	}
	if ids := got[2].header["recordIds"].([]any); len(ids) != 3 || got[2].header["changeType"] != "DELETE" {
		t.Errorf("deletes %v", got[2].header)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 5 {
		f.call("POST", "/sobjects/Contact", `{"LastName":"Ito","FirstName":"Hiro"}`)
	}
	all := f.next(f.earliest("/data/ContactChangeEvent", 5), 5)
	if name, ok := all[0].fields["Name"].(map[string]any); !ok || name["LastName"] != "Ito" || name["FirstName"] != "Hiro" {
		t.Errorf("name %v", all[0].fields["Name"])
	}
	custom := func(id []byte) *stream {
		return f.subscribe(&eventbus.FetchRequest{TopicName: "/data/ContactChangeEvent", ReplayPreset: eventbus.ReplayPreset_CUSTOM, ReplayId: id, NumRequested: 2})
	}
	rest := f.next(custom(all[2].replay), 2)
	if !cmp.Equal(rest[0].replay, all[3].replay) || !cmp.Equal(rest[1].replay, all[4].replay) {
		t.Errorf("replay after the third event gives %v", rest)
	}
	_, err := custom([]byte("abc")).Receive()
	wantError(t, err, connect.CodeInvalidArgument, "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted")
	_, err = custom(binary.BigEndian.AppendUint64(nil, 1<<40)).Receive()
	wantError(t, err, connect.CodeInvalidArgument, "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.validation.failed")

	f.control("clock", map[string]any{"seconds": 73 * 3600})
	f.token = f.login(f.s.Clients[0])
	_, err = custom(all[0].replay).Receive()
	wantError(t, err, connect.CodeInvalidArgument, "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.validation.failed")
	fresh := f.call("POST", "/sobjects/Contact", `{"LastName":"New"}`)
	if got := f.next(f.earliest("/data/ContactChangeEvent", 1), 1); !cmp.Equal(got[0].header["recordIds"], []any{fresh}) {
		t.Errorf("the earliest event is %v", got[0].header)
	}
}

func TestCreditAndTheEndOfAStream(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 7 {
		f.call("POST", "/sobjects/Lead", `{"LastName":"Ito","Company":"x"}`)
	}
	st := f.earliest("/data/LeadChangeEvent", 3)
	res, err := st.Receive()
	if err != nil || len(res.GetEvents()) != 3 || res.GetPendingNumRequested() != 0 {
		t.Fatalf("first response: %d events, %d pending, %v", len(res.GetEvents()), res.GetPendingNumRequested(), err)
	}
	if err := st.Send(&eventbus.FetchRequest{NumRequested: 1000}); err != nil {
		t.Fatal(err)
	}
	if res, err = st.Receive(); err != nil || len(res.GetEvents()) != 4 || res.GetPendingNumRequested() != 96 {
		t.Fatalf("second response: %d events, %d pending, %v", len(res.GetEvents()), res.GetPendingNumRequested(), err)
	}
	if err := st.Send(&eventbus.FetchRequest{TopicName: "/data/AccountChangeEvent", NumRequested: 1}); err != nil {
		t.Fatal(err)
	}
	_, err = st.Receive()
	wantError(t, err, connect.CodeInvalidArgument, "sfdc.platform.eventbus.grpc.subscription.fetch.request.invalid")

	done := f.earliest("/data/LeadChangeEvent", 7)
	f.next(done, 7)
	if err := done.CloseRequest(); err != nil {
		t.Fatal(err)
	}
	if _, err := done.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("a stream that asks no more ends with %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.client.GetTopic(f.ctx, request(f, &eventbus.TopicRequest{TopicName: "/data/NopeChangeEvent"}))
	wantError(t, err, connect.CodeNotFound, "sfdc.platform.eventbus.grpc.topic.not.found")
	_, err = f.client.GetTopic(f.ctx, connect.NewRequest(&eventbus.TopicRequest{TopicName: "/data/AccountChangeEvent"}))
	wantError(t, err, connect.CodeUnauthenticated, "sfdc.platform.eventbus.grpc.service.auth.headers.invalid")
	_, err = f.client.GetSchema(f.ctx, request(f, &eventbus.SchemaRequest{SchemaId: "x"}))
	wantError(t, err, connect.CodeNotFound, "sfdc.platform.eventbus.grpc.schema.not.found")
	f.control("permissions", map[string]any{"user": org.IntegrationUser, "object": "Case", "rights": map[string]any{"ownOnly": true}})
	_, err = f.earliest("/data/CaseChangeEvent", 1).Receive()
	wantError(t, err, connect.CodePermissionDenied, "sfdc.platform.eventbus.grpc.topic.permission.denied")
	_, err = f.earliest("/data/AccountChangeEvent", 0).Receive()
	wantError(t, err, connect.CodeInvalidArgument, "sfdc.platform.eventbus.grpc.subscription.fetch.requested.events.invalid")

	st := f.earliest("/data/AccountChangeEvent", 1)
	f.call("POST", "/sobjects/Account", `{"Name":"x"}`)
	f.next(st, 1)
	f.control("expire", map[string]any{"sessions": true})
	_, err = st.Receive()
	wantError(t, err, connect.CodeUnauthenticated, "sfdc.platform.eventbus.grpc.service.auth.error")
}

func TestHiddenFieldsAreLeftOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("permissions", map[string]any{"user": org.IntegrationUser, "object": "Account", "field": "Phone", "access": map[string]any{"hidden": true}})
	demo := f.s.Clients[1]
	own := f.token
	f.token = f.login(demo)
	id := f.call("POST", "/sobjects/Account", `{"Name":"x","Phone":"1"}`)
	f.call("PATCH", "/sobjects/Account/"+id, `{"Phone":"2"}`)
	seen := f.next(f.earliest("/data/AccountChangeEvent", 2), 2)
	f.token = own
	hidden := f.next(f.earliest("/data/AccountChangeEvent", 2), 2)
	if seen[0].fields["Phone"] != "1" || seen[1].fields["Phone"] != "2" {
		t.Errorf("who may see the field gets %v", seen)
	}
	if hidden[0].fields["Phone"] != nil || hidden[1].fields["Phone"] != nil || cmp.Equal(hidden[1].header["changedFields"], seen[1].header["changedFields"]) {
		t.Errorf("who may not gets %v %v", hidden[0].fields, hidden[1].header)
	}
}

func TestGapsOverflowAndSelection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	st := f.earliest("/data/ChangeEvents", 100)
	f.call("POST", "/sobjects/Case", `{"Subject":"not selected"}`)
	f.control("events", map[string]any{"fault": map[string]any{"kind": "gap", "object": "Account", "count": 1}})
	id := f.call("POST", "/sobjects/Account", `{"Name":"x"}`)
	f.control("events", map[string]any{"fault": map[string]any{"kind": "lose", "count": 1}})
	f.call("POST", "/sobjects/Account", `{"Name":"lost"}`)
	f.control("switches", map[string]any{"events": map[string]any{"overflowAfter": 2}})
	f.call("POST", "/composite/sobjects", `{"records":[`+strings.Repeat(`{"attributes":{"type":"Account"},"Name":"o"},`, 4)+`{"attributes":{"type":"Account"},"Name":"o"}]}`)
	f.control("events", map[string]any{"inject": map[string]any{"object": "Account", "kind": "UPDATE", "ids": []string{"001*"}}})
	f.control("events", map[string]any{"select": []string{"Case"}})
	f.call("POST", "/sobjects/Case", `{"Subject":"selected"}`)
	f.call("POST", "/sobjects/Account", `{"Name":"no longer"}`)
	got := f.next(st, 6)
	var kinds []any
	for _, e := range got {
		kinds = append(kinds, e.header["changeType"])
	}
	if diff := cmp.Diff([]any{"GAP_CREATE", "CREATE", "CREATE", "GAP_OVERFLOW", "UPDATE", "CREATE"}, kinds); diff != "" {
		t.Fatalf("changes differ (-want +got):\n%s", diff)
	}
	if !cmp.Equal(got[0].header["recordIds"], []any{id}) || len(got[0].fields) != 0 {
		t.Errorf("gap %v %v", got[0].header, got[0].fields)
	}
	if len(got[3].header["recordIds"].([]any)) != 0 || !cmp.Equal(got[4].header["recordIds"], []any{"001*"}) || got[5].header["entityName"] != "Case" {
		t.Errorf("overflow %v, wildcard %v, last %v", got[3].header, got[4].header, got[5].header)
	}
}

func TestQuotaAndFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("switches", map[string]any{"events": map[string]any{"dailyDeliveries": 3}})
	for range 5 {
		f.call("POST", "/sobjects/Account", `{"Name":"x"}`)
	}
	st := f.earliest("/data/AccountChangeEvent", 5)
	f.next(st, 3)
	_, err := st.Receive()
	wantError(t, err, connect.CodeResourceExhausted, "sfdc.platform.eventbus.grpc.subscription.limit.exceeded")
	f.control("switches", map[string]any{"events": map[string]any{"dailyDeliveries": 0}})

	f.control("faults", map[string]any{"kind": "cut_stream", "path": "/Subscribe$", "rows": 2, "count": 1})
	st = f.earliest("/data/AccountChangeEvent", 5)
	f.next(st, 2)
	if _, err = st.Receive(); connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("a cut stream ends with %v", err)
	}
	f.control("faults", map[string]any{"kind": "status", "status": 503, "path": "/GetTopic$", "count": 1})
	if _, err = f.client.GetTopic(f.ctx, request(f, &eventbus.TopicRequest{TopicName: "/data/AccountChangeEvent"})); connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("GetTopic under a fault: %v", err)
	}
	if _, err := f.client.GetTopic(f.ctx, request(f, &eventbus.TopicRequest{TopicName: "/data/AccountChangeEvent"})); err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pool := x509.NewCertPool()
	pool.AddCert(f.s.PubSubCertificate())
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	f.client = eventbus.NewPubSubClient(&http.Client{Transport: transport}, "https://"+f.s.PubSubTLSAddr(), connect.WithGRPC())
	info, err := f.client.GetTopic(f.ctx, request(f, &eventbus.TopicRequest{TopicName: "/data/AccountChangeEvent"}))
	if err != nil || info.Msg.GetCanPublish() || !info.Msg.GetCanSubscribe() || info.Msg.GetTenantGuid() != f.s.Org.ID() {
		t.Errorf("topic %v, %v", info, err)
	}
}

func TestPlatformEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("schema", map[string]any{"action": "load", "file": map[string]any{"objects": []any{map[string]any{
		"name": "Ping__e", "label": "Ping", "keyPrefix": "e00", "fields": []any{map[string]any{"name": "Text__c", "type": "string", "length": 80}}}}}})
	info, err := f.client.GetTopic(f.ctx, request(f, &eventbus.TopicRequest{TopicName: "/event/Ping__e"}))
	if err != nil || !info.Msg.GetCanPublish() {
		t.Fatalf("topic %v, %v", info, err)
	}
	schema := f.schema(info.Msg.GetSchemaId())
	payload, err := schema.Encode(map[string]any{"CreatedDate": int64(1), "CreatedById": "005", "Text__c": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	st := f.subscribe(&eventbus.FetchRequest{TopicName: "/event/Ping__e", ReplayPreset: eventbus.ReplayPreset_EARLIEST, NumRequested: 2})
	good := &eventbus.ProducerEvent{Id: "k", SchemaId: info.Msg.GetSchemaId(), Payload: payload}
	bad := &eventbus.ProducerEvent{Id: "b", SchemaId: info.Msg.GetSchemaId(), Payload: []byte{1}}
	res, err := f.client.Publish(f.ctx, request(f, &eventbus.PublishRequest{TopicName: "/event/Ping__e", Events: []*eventbus.ProducerEvent{good, bad}}))
	if err != nil || len(res.Msg.GetResults()) != 2 {
		t.Fatalf("publish: %v %v", res, err)
	}
	if r := res.Msg.GetResults(); r[0].GetCorrelationKey() != "k" || len(r[0].GetReplayId()) != 8 || r[1].GetError().GetCode() != eventbus.ErrorCode_PUBLISH {
		t.Errorf("results %v", r)
	}
	got, err := st.Receive()
	if err != nil || string(got.GetEvents()[0].GetEvent().GetPayload()) != string(payload) {
		t.Errorf("received %v, %v", got, err)
	}
	ps := f.client.PublishStream(f.ctx)
	f.authorise(ps.RequestHeader())
	for range 2 {
		if err := ps.Send(&eventbus.PublishRequest{TopicName: "/event/Ping__e", Events: []*eventbus.ProducerEvent{good}}); err != nil {
			t.Fatal(err)
		}
		if r, err := ps.Receive(); err != nil || len(r.GetResults()[0].GetReplayId()) != 8 {
			t.Fatalf("publish stream: %v %v", r, err)
		}
	}
	if err := errors.Join(ps.CloseRequest(), ps.CloseResponse()); err != nil {
		t.Error(err)
	}
}

func TestManagedSubscription(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("events", map[string]any{"managed": map[string]any{"developerName": "Sub", "topic": "/data/AccountChangeEvent"}})
	f.call("POST", "/sobjects/Account", `{"Name":"1"}`)
	f.call("POST", "/sobjects/Account", `{"Name":"2"}`)
	open := func() *connect.BidiStreamForClient[eventbus.ManagedFetchRequest, eventbus.ManagedFetchResponse] {
		st := f.client.ManagedSubscribe(f.ctx)
		f.authorise(st.RequestHeader())
		if err := st.Send(&eventbus.ManagedFetchRequest{DeveloperName: "Sub", NumRequested: 1}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = st.CloseRequest(), st.CloseResponse() })
		return st
	}
	st := open()
	res, err := st.Receive()
	if err != nil || f.decode(res.GetEvents()[0]).fields["Name"] != "1" {
		t.Fatalf("first event %v, %v", res, err)
	}
	if err := st.Send(&eventbus.ManagedFetchRequest{CommitReplayIdRequest: &eventbus.CommitReplayRequest{CommitRequestId: "c", ReplayId: res.GetLatestReplayId()}}); err != nil {
		t.Fatal(err)
	}
	if res, err = st.Receive(); err != nil || res.GetCommitResponse().GetCommitRequestId() != "c" || res.GetCommitResponse().GetError() != nil {
		t.Fatalf("commit %v, %v", res, err)
	}
	if res, err = open().Receive(); err != nil || f.decode(res.GetEvents()[0]).fields["Name"] != "2" {
		t.Errorf("after a commit the next event is %v, %v", res, err)
	}
}
