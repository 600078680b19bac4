package pubsub

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/synclinehq/syncline/internal/gen/eventbus"
	"github.com/synclinehq/syncline/sandbox/events"
	"github.com/synclinehq/syncline/sandbox/rest"
)

const (
	// maxCredit is how many events may be outstanding.
	maxCredit = 100
	// maxBatchBytes is about how large a response gets.
	maxBatchBytes = 3 << 20
	// sessionCheck is how often an idle stream looks whether its session lives.
	sessionCheck = time.Second
)

// ask is what a client asks for on a stream.
type ask struct {
	topic  string
	credit int32
	// keep, if not nil, is a replay Id to commit.
	keep *eventbus.CommitReplayRequest
}

// batch is what is sent.
type batch struct {
	events  []*eventbus.ConsumerEvent
	latest  []byte
	pending int32
}

// subscription is one stream of events.
type subscription struct {
	s       *Service
	visitor *rest.Visitor
	topic   events.Topic
	at      int64 // replay Id after which the client has had nothing
	credit  int32
	left    int // events until a fault cuts the stream, -1: none does
	asks    <-chan ask
	send    func(batch) error
	// commit answers a request to keep a replay Id; nil: there are none here.
	commit func(*eventbus.CommitReplayRequest) error
}

// Subscribe implements eventbus.PubSubHandler.
func (s *Service) Subscribe(ctx context.Context, stream *connect.BidiStream[eventbus.FetchRequest, eventbus.FetchResponse]) error {
	v, t, err := s.enter(ctx, eventbus.PubSubSubscribeProcedure, stream.RequestHeader())
	if err != nil {
		return err
	}
	first, err := stream.Receive()
	if err != nil {
		return fmt.Errorf("receive first fetch request: %w", err)
	}
	topic, err := s.topic(v, first.GetTopicName())
	if err != nil {
		return err
	}
	at, err := s.begin(first)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sub := &subscription{s: s, visitor: v, topic: topic, at: at, left: t.CutAfter}
	sub.asks = translate(ctx, receive(ctx, stream.Receive), func(r *eventbus.FetchRequest) ask {
		return ask{topic: r.GetTopicName(), credit: r.GetNumRequested()}
	})
	sub.send = func(b batch) error {
		return stream.Send(&eventbus.FetchResponse{Events: b.events, LatestReplayId: b.latest, PendingNumRequested: b.pending, RpcId: rpcID()})
	}
	if err := sub.take(ask{credit: first.GetNumRequested()}); err != nil {
		return err
	}
	return sub.run(ctx)
}

// ManagedSubscribe implements eventbus.PubSubHandler.
func (s *Service) ManagedSubscribe(ctx context.Context, stream *connect.BidiStream[eventbus.ManagedFetchRequest, eventbus.ManagedFetchResponse]) error {
	v, t, err := s.enter(ctx, eventbus.PubSubManagedSubscribeProcedure, stream.RequestHeader())
	if err != nil {
		return err
	}
	first, err := stream.Receive()
	if err != nil {
		return fmt.Errorf("receive first fetch request: %w", err)
	}
	name := first.GetDeveloperName()
	if name == "" {
		name = first.GetSubscriptionId()
	}
	m, ok := s.bus.Managed(name)
	if !ok {
		return fail(connect.CodeNotFound, codeTopic, "There is no managed subscription %q.", name)
	}
	topic, err := s.topic(v, m.Topic)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	floor, _ := s.bus.Bounds()
	sub := &subscription{s: s, visitor: v, topic: topic, at: max(m.Replay, floor), left: t.CutAfter}
	sub.asks = translate(ctx, receive(ctx, stream.Receive), managedAsk)
	sub.send = func(b batch) error {
		return stream.Send(&eventbus.ManagedFetchResponse{Events: b.events, LatestReplayId: b.latest, PendingNumRequested: b.pending, RpcId: rpcID()})
	}
	sub.commit = func(r *eventbus.CommitReplayRequest) error { return stream.Send(s.committed(name, r)) }
	if err := sub.take(managedAsk(first)); err != nil {
		return err
	}
	return sub.run(ctx)
}

func managedAsk(r *eventbus.ManagedFetchRequest) ask {
	return ask{credit: r.GetNumRequested(), keep: r.GetCommitReplayIdRequest()}
}

// committed keeps a replay Id and says what became of that.
func (s *Service) committed(name string, r *eventbus.CommitReplayRequest) *eventbus.ManagedFetchResponse {
	res := &eventbus.CommitReplayResponse{CommitRequestId: r.GetCommitRequestId(), ReplayId: r.GetReplayId(), ProcessTime: time.Now().UnixMilli()}
	replay, err := replayID(r.GetReplayId())
	if err == nil {
		err = s.bus.Keep(name, replay)
	}
	if err != nil {
		res.Error = &eventbus.Error{Code: eventbus.ErrorCode_COMMIT, Msg: err.Error()}
	}
	return &eventbus.ManagedFetchResponse{CommitResponse: res, LatestReplayId: r.GetReplayId(), RpcId: rpcID()}
}

// translate turns the requests of one kind of stream into asks.
func translate[T any](ctx context.Context, in <-chan *T, turn func(*T) ask) <-chan ask {
	out := make(chan ask)
	go func() {
		defer close(out)
		for r := range in {
			select {
			case out <- turn(r):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// begin is the replay Id after which a subscription starts.
func (s *Service) begin(r *eventbus.FetchRequest) (int64, error) {
	floor, tip := s.bus.Bounds()
	switch r.GetReplayPreset() {
	case eventbus.ReplayPreset_LATEST:
		return tip, nil
	case eventbus.ReplayPreset_EARLIEST:
		return floor, nil
	}
	at, err := replayID(r.GetReplayId())
	if err != nil {
		return 0, fail(connect.CodeInvalidArgument, codeCorrupted, "The Replay ID is corrupted: %s.", err)
	}
	if at < floor || at > tip {
		return 0, fail(connect.CodeInvalidArgument, codeValidation, "The Replay ID validation failed: %d is not within the retained events.", at)
	}
	return at, nil
}

// take adds what a client asks for. Credit above the limit is cut.
func (sub *subscription) take(a ask) error {
	if a.topic != "" && a.topic != sub.topic.Name {
		if t, ok := sub.s.bus.Topic(a.topic); !ok || t.Name != sub.topic.Name {
			return fail(connect.CodeInvalidArgument, codeRequest, "The topic can't change within a stream.")
		}
	}
	if a.keep != nil && sub.commit != nil {
		if err := sub.commit(a.keep); err != nil {
			return fmt.Errorf("send commit response: %w", err)
		}
	}
	if a.credit < 0 || a.credit == 0 && a.keep == nil {
		return fail(connect.CodeInvalidArgument, codeNumber, "num_requested is %d, it must be above 0.", a.credit)
	}
	sub.credit = min(sub.credit+a.credit, maxCredit)
	return nil
}

// run sends events as they come until the client has had what it asked for and
// asks no more.
func (sub *subscription) run(ctx context.Context) error {
	sw := sub.s.switches().Events
	keepalive := time.NewTimer(seconds(sw.KeepaliveSeconds, 270))
	defer keepalive.Stop()
	idle := time.NewTimer(seconds(sw.IdleSeconds, 60))
	defer idle.Stop()
	session := time.NewTicker(sessionCheck)
	defer session.Stop()
	for {
		wake := sub.s.bus.Wait()
		sent, err := sub.deliver()
		if err != nil {
			return err
		}
		if sent {
			keepalive.Reset(seconds(sw.KeepaliveSeconds, 270))
			continue
		}
		if sub.credit > 0 {
			idle.Reset(seconds(sw.IdleSeconds, 60))
		} else if sub.asks == nil {
			return nil
		}
		select {
		case a, open := <-sub.asks:
			if !open {
				sub.asks = nil
			} else if err := sub.take(a); err != nil {
				return err
			}
		case <-wake:
		case <-keepalive.C:
			if err := sub.keepalive(); err != nil {
				return err
			}
			keepalive.Reset(seconds(sw.KeepaliveSeconds, 270))
		case <-idle.C:
			if sub.credit == 0 {
				return nil
			}
		case <-session.C:
			if !sub.s.server.Alive(sub.visitor) {
				return authError()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func seconds(n, usual int) time.Duration {
	if n <= 0 {
		n = usual
	}
	return time.Duration(n) * time.Second
}

// deliver sends the next events, if there are any and the client has credit.
func (sub *subscription) deliver() (sent bool, err error) {
	if sub.credit == 0 {
		return false, nil
	}
	list := sub.s.bus.After(sub.topic.Name, sub.at, int(sub.credit))
	if len(list) == 0 {
		return false, nil
	}
	if !sub.s.server.Alive(sub.visitor) {
		return false, authError()
	}
	if sub.left >= 0 && len(list) > sub.left {
		list = list[:sub.left]
	}
	allowed := sub.s.bus.Deliver(len(list))
	exhausted := allowed < len(list)
	b := batch{}
	size := 0
	for _, e := range list[:allowed] {
		payload := e.Payload(sub.visitor.Actor)
		b.events = append(b.events, &eventbus.ConsumerEvent{
			Event: &eventbus.ProducerEvent{Id: e.ID, SchemaId: e.Layout.ID, Payload: payload}, ReplayId: replayBytes(e.Replay),
		})
		sub.at = e.Replay
		if size += len(payload); size > maxBatchBytes {
			exhausted = false
			break
		}
	}
	if len(b.events) > 0 {
		sub.credit -= int32(len(b.events))
		b.latest, b.pending = replayBytes(sub.at), sub.credit
		if err := sub.send(b); err != nil {
			return false, fmt.Errorf("send events: %w", err)
		}
	}
	if exhausted {
		return false, fail(connect.CodeResourceExhausted, codeQuota, "The org's limit of delivered events in 24 hours is used up.")
	}
	return true, sub.cut(len(b.events))
}

// cut ends the stream where a fault says so.
func (sub *subscription) cut(sent int) error {
	if sub.left < 0 {
		return nil
	}
	if sub.left -= sent; sub.left > 0 {
		return nil
	}
	return fail(connect.CodeUnavailable, codeInternal, "The stream was reset.")
}

// keepalive sends an empty response with the newest replay Id that the client
// may continue from.
func (sub *subscription) keepalive() error {
	_, tip := sub.s.bus.Bounds()
	if len(sub.s.bus.After(sub.topic.Name, sub.at, 1)) == 0 {
		sub.at = max(sub.at, tip)
	}
	if err := sub.send(batch{latest: replayBytes(sub.at), pending: sub.credit}); err != nil {
		return fmt.Errorf("send keepalive: %w", err)
	}
	return nil
}
