package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/verify"
)

func (s *server) verifyRoutes(api huma.API) {
	const tag, path = "verify", "/connections/{connection}/verify"
	type start struct {
		OnOne
		Body client.VerifyOptions
	}
	begin := op(http.MethodPost, path, "verify", tag, "Begin to compare both sides")
	begin.DefaultStatus = http.StatusAccepted
	add(s, api, begin, func(ctx context.Context, c manage.Caller, in *start) (client.VerifyRun, error) {
		out, err := s.cfg.Manage.StartVerify(ctx, c, in.ref(), manage.VerifyOptions{
			Objects: in.Body.Mappings, Samples: in.Body.Samples, Quick: in.Body.Quick,
		})
		return verifyRun(out), err
	})
	type one struct {
		OnOne
		ID string `path:"id" format:"uuid"`
	}
	add(s, api, op(http.MethodGet, path+"/{id}", "get-verification", tag, "How a verification stands, and what it found"),
		func(ctx context.Context, c manage.Caller, in *one) (client.VerifyRun, error) {
			id, err := uuid.Parse(in.ID)
			if err != nil {
				return client.VerifyRun{}, &manage.Problem{Kind: manage.Invalid, What: "That is not the ID of a verification."}
			}
			out, err := s.cfg.Manage.VerifyRun(ctx, c, in.ref(), id)
			return verifyRun(out), err
		})
	s.driftRoutes(api, tag)
}

func (s *server) driftRoutes(api huma.API, tag string) {
	type list struct {
		OnOne
		Mapping string `query:"mapping" maxLength:"200" doc:"Object name; all if left out."`
		Settled bool   `query:"settled" doc:"Those that are settled too."`
		Before  int64  `query:"before" minimum:"0" doc:"Differences with an id below this one; 0 for the newest."`
		Limit   int    `query:"limit" minimum:"0" maximum:"1000"`
	}
	add(s, api, op(http.MethodGet, "/connections/{connection}/drift", "list-drift", tag, "Differences that proofs have found, and how the last proofs ended"),
		func(ctx context.Context, c manage.Caller, in *list) (client.Drift, error) {
			out, err := s.cfg.Manage.Drift(ctx, c, in.ref(), manage.DriftFilter{
				Object: in.Mapping, Settled: in.Settled, Before: in.Before, Limit: in.Limit,
			})
			if err != nil {
				return client.Drift{}, err
			}
			return drift(out), nil
		})
	type repair struct {
		OnMapping
		Body client.RepairOptions
	}
	add(s, api, op(http.MethodPost, "/connections/{connection}/mappings/{object}/repair", "repair", tag, "Take one side's word for open differences"),
		func(ctx context.Context, c manage.Caller, in *repair) (client.Repair, error) {
			out, err := s.cfg.Manage.Repair(ctx, c, in.ref(), in.Object, verify.Side(in.Body.From), in.Body.IDs)
			if err != nil {
				return client.Repair{}, err
			}
			return client.Repair{Asked: out.Asked, Skipped: each(out.Skipped, func(x verify.Skipped) client.SkippedRepair {
				return client.SkippedRepair{SFID: x.Sfid, RowID: int64(x.Row), Why: x.Why}
			})}, nil
		})
}

func verifyRun(r manage.VerifyRun) client.VerifyRun {
	p := r.Progress
	out := client.VerifyRun{
		ID: idText(r.ID), Status: string(r.Status), Error: r.Error, Fix: r.Fix, StartedAt: r.StartedAt,
		Progress: client.VerifyProgress{
			ObjectName: p.Object, Compared: p.Compared, Total: p.Total, Done: p.Done, Mappings: p.Mappings,
			RowsPerSecond: p.RowsPerSecond, SecondsLeft: p.SecondsLeft,
		},
	}
	if r.Report != nil {
		found := report(r.Report)
		out.Report = &found
	}
	return out
}

func proof(object string, o verify.Outcome) client.Proof {
	return client.Proof{
		ObjectName: object, Proof: string(o.Proof), AsOf: o.Began, EndedAt: o.Ended, Equal: o.Equal, Rows: o.Rows,
		Pending: o.Pending, FailedWrites: o.FailedWrites, Differences: o.Differences, APICalls: o.Calls,
	}
}

func drift(d *manage.Drift) client.Drift {
	return client.Drift{
		Proofs: each(d.Proofs, func(o verify.Outcome) client.Proof {
			return proof(d.Objects[o.Mapping], o)
		}),
		Differences: each(d.Differences, func(x verify.Drift) client.DriftedRow {
			return client.DriftedRow{
				ID: x.ID, ObjectName: d.Objects[x.Mapping], Kind: string(x.Kind), SFID: x.Sfid, RowID: int64(x.Row),
				Columns: each(x.Columns, same), Cause: string(x.Cause), FoundAt: x.Found, SeenAt: x.Seen,
				Repair: string(x.Repair), SettledAt: timeOrNil(x.Settled), How: x.How,
			}
		}),
	}
}
