package pubsub

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/synclinehq/syncline/internal/gen/eventbus"
	"github.com/synclinehq/syncline/sandbox/events"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/rest"
)

// The codes that the trailer error-code carries.
const (
	codeAuth       = "sfdc.platform.eventbus.grpc.service.auth.error"
	codeHeaders    = "sfdc.platform.eventbus.grpc.service.auth.headers.invalid"
	codeTopic      = "sfdc.platform.eventbus.grpc.topic.not.found"
	codePermission = "sfdc.platform.eventbus.grpc.topic.permission.denied"
	codeSchema     = "sfdc.platform.eventbus.grpc.schema.not.found"
	codeCorrupted  = "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted"
	codeValidation = "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.validation.failed"
	codeRequest    = "sfdc.platform.eventbus.grpc.subscription.fetch.request.invalid"
	codeNumber     = "sfdc.platform.eventbus.grpc.subscription.fetch.requested.events.invalid"
	codeQuota      = "sfdc.platform.eventbus.grpc.subscription.limit.exceeded"
	codePublish    = "sfdc.platform.eventbus.grpc.publish.request.invalid"
	codeInternal   = "sfdc.platform.eventbus.grpc.service.unavailable"
)

// Service answers the Pub/Sub API of one org.
type Service struct {
	server   *rest.Server
	bus      *events.Bus
	switches func() org.Switches
}

// New gives the path and the handler of the service. switches are those in
// force in the org.
func New(server *rest.Server, switches func() org.Switches) (path string, handler http.Handler) {
	s := &Service{server: server, bus: server.Bus(), switches: switches}
	return eventbus.NewPubSubHandler(s, connect.WithReadMaxBytes(4<<20))
}

// fail makes an error with its trailers.
func fail(code connect.Code, name, format string, args ...any) *connect.Error {
	id := rpcID()
	err := connect.NewError(code, fmt.Errorf(format+" rpcId: %s", append(args, id)...))
	err.Meta().Set("error-code", name)
	err.Meta().Set("rpc-id", id)
	return err
}

// rpcID is an id for one response.
func rpcID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// enter checks the metadata of a call and what faults do to it.
func (s *Service) enter(ctx context.Context, procedure string, h http.Header) (*rest.Visitor, rest.Trouble, error) {
	token, tenant := h.Get("accesstoken"), h.Get("tenantid")
	if token == "" || tenant == "" || h.Get("instanceurl") == "" {
		return nil, rest.Trouble{}, fail(connect.CodeUnauthenticated, codeHeaders, "Invalid headers: accesstoken, instanceurl and tenantid have to be sent.")
	}
	name := procedure[strings.LastIndexByte(procedure, '/')+1:]
	v, ok := s.server.Enter(token, "pubsub_"+strings.ToLower(name))
	if full, _ := org.NormalizeID(tenant); !ok || full != s.server.OrgID() {
		return nil, rest.Trouble{}, authError()
	}
	t := s.server.Trouble(v, procedure)
	if t.DelayMS > 0 {
		wait(ctx, time.Duration(t.DelayMS)*time.Millisecond)
	}
	if t.Drop {
		panic(http.ErrAbortHandler)
	}
	if t.Status != 0 {
		return nil, t, trouble(t)
	}
	return v, t, nil
}

func authError() error {
	return fail(connect.CodeUnauthenticated, codeAuth, "SFDC org authentication failed: the access token is invalid or expired.")
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// trouble is the error that a fault asks for.
func trouble(t rest.Trouble) error {
	code, name := connect.CodeInternal, codeInternal
	switch t.Status {
	case http.StatusBadRequest:
		code, name = connect.CodeInvalidArgument, codeRequest
	case http.StatusUnauthorized:
		code, name = connect.CodeUnauthenticated, codeAuth
	case http.StatusForbidden:
		code, name = connect.CodePermissionDenied, codePermission
	case http.StatusNotFound:
		code, name = connect.CodeNotFound, codeTopic
	case http.StatusTooManyRequests:
		code, name = connect.CodeResourceExhausted, codeQuota
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		code = connect.CodeUnavailable
	}
	if t.Code != "" {
		name = t.Code
	}
	message := t.Message
	if message == "" {
		message = "The call could not be served."
	}
	return fail(code, name, "%s", message)
}

// topic finds a topic that the caller may use.
func (s *Service) topic(v *rest.Visitor, name string) (events.Topic, error) {
	t, ok := s.bus.Topic(name)
	if !ok {
		return t, fail(connect.CodeNotFound, codeTopic, "The topic %q does not exist in the org.", name)
	}
	if t.Object != nil && (!v.Actor.CanRead(t.Object) || v.Actor.User.Permissions.Object(t.Object).OwnOnly) {
		return t, fail(connect.CodePermissionDenied, codePermission, "The user has no permission View All for the topic %q.", name)
	}
	return t, nil
}

// GetTopic implements eventbus.PubSubHandler.
func (s *Service) GetTopic(ctx context.Context, req *connect.Request[eventbus.TopicRequest]) (*connect.Response[eventbus.TopicInfo], error) {
	v, _, err := s.enter(ctx, eventbus.PubSubGetTopicProcedure, req.Header())
	if err != nil {
		return nil, err
	}
	t, err := s.topic(v, req.Msg.GetTopicName())
	if err != nil {
		return nil, err
	}
	info := &eventbus.TopicInfo{TopicName: t.Name, TenantGuid: s.server.OrgID(), CanPublish: t.Publish, CanSubscribe: true, RpcId: rpcID()}
	if t.Layout != nil {
		info.SchemaId = t.Layout.ID
	}
	return connect.NewResponse(info), nil
}

// GetSchema implements eventbus.PubSubHandler.
func (s *Service) GetSchema(ctx context.Context, req *connect.Request[eventbus.SchemaRequest]) (*connect.Response[eventbus.SchemaInfo], error) {
	if _, _, err := s.enter(ctx, eventbus.PubSubGetSchemaProcedure, req.Header()); err != nil {
		return nil, err
	}
	l, ok := s.bus.Schema(req.Msg.GetSchemaId())
	if !ok {
		return nil, fail(connect.CodeNotFound, codeSchema, "There is no schema with the Id %q.", req.Msg.GetSchemaId())
	}
	return connect.NewResponse(&eventbus.SchemaInfo{SchemaJson: l.JSON, SchemaId: l.ID, RpcId: rpcID()}), nil
}

// maxPublish is how many events one publish request may hold.
const maxPublish = 200

// Publish implements eventbus.PubSubHandler.
func (s *Service) Publish(ctx context.Context, req *connect.Request[eventbus.PublishRequest]) (*connect.Response[eventbus.PublishResponse], error) {
	v, _, err := s.enter(ctx, eventbus.PubSubPublishProcedure, req.Header())
	if err != nil {
		return nil, err
	}
	res, err := s.publish(v, req.Msg.GetTopicName(), req.Msg.GetEvents())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(res), nil
}

func (s *Service) publish(v *rest.Visitor, name string, list []*eventbus.ProducerEvent) (*eventbus.PublishResponse, error) {
	t, err := s.topic(v, name)
	if err != nil {
		return nil, err
	}
	if !t.Publish {
		return nil, fail(connect.CodePermissionDenied, codePermission, "The topic %q can't be published to.", name)
	}
	if len(list) == 0 || len(list) > maxPublish {
		return nil, fail(connect.CodeInvalidArgument, codePublish, "The request has %d events, it must have 1 to %d.", len(list), maxPublish)
	}
	res := &eventbus.PublishResponse{SchemaId: t.Layout.ID, RpcId: rpcID()}
	for _, e := range list {
		r := &eventbus.PublishResult{CorrelationKey: e.GetId()}
		replay, err := s.bus.Publish(t, e.GetSchemaId(), e.GetPayload())
		if err != nil {
			r.Error = &eventbus.Error{Code: eventbus.ErrorCode_PUBLISH, Msg: err.Error()}
		} else {
			r.ReplayId = replayBytes(replay)
		}
		res.Results = append(res.Results, r)
	}
	return res, nil
}

// publishLife is how long a publish stream lives without a request.
const publishLife = 70 * time.Second

// PublishStream implements eventbus.PubSubHandler.
func (s *Service) PublishStream(ctx context.Context, stream *connect.BidiStream[eventbus.PublishRequest, eventbus.PublishResponse]) error {
	v, _, err := s.enter(ctx, eventbus.PubSubPublishStreamProcedure, stream.RequestHeader())
	if err != nil {
		return err
	}
	requests := receive(ctx, stream.Receive)
	topic := ""
	for {
		idle := time.NewTimer(publishLife)
		select {
		case got, open := <-requests:
			idle.Stop()
			if !open {
				return nil
			}
			if name := got.GetTopicName(); topic == "" {
				topic = name
			} else if name != "" && name != topic {
				return fail(connect.CodeInvalidArgument, codePublish, "The topic can't change within a stream.")
			}
			res, err := s.publish(v, topic, got.GetEvents())
			if err != nil {
				return err
			}
			if err := stream.Send(res); err != nil {
				return fmt.Errorf("send publish response: %w", err)
			}
		case <-idle.C:
			return fail(connect.CodeUnavailable, codePublish, "The stream had no request for %s.", publishLife)
		case <-ctx.Done():
			idle.Stop()
			return ctx.Err()
		}
	}
}

// receive hands on what a client sends until it stops sending or the call
// ends.
func receive[T any](ctx context.Context, next func() (*T, error)) <-chan *T {
	out := make(chan *T)
	go func() {
		defer close(out)
		for {
			msg, err := next()
			if err != nil {
				return // the client has closed its side, or is gone
			}
			select {
			case out <- msg:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func replayBytes(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

var errReplay = errors.New("a replay Id has eight bytes")

func replayID(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, errReplay
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}
