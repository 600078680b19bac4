package writer

import "time"

const (
	// looksApart is what lies between two questions about a job at least.
	looksApart = 150 * time.Millisecond
	// perRecord is what a record of a job takes as long as nothing better is
	// known: hardly any org is faster.
	perRecord = 40 * time.Microsecond
	// tellingJob is how many records say how fast the org is.
	tellingJob = 1000
)

// jobPace is how long records of Bulk jobs take in this org. A job is asked for
// when it should be over: each question is a call.
type jobPace struct{ perRecord time.Duration }

// first is the wait before the first question about a job of n records.
func (p jobPace) first(n int) time.Duration {
	return looksApart + time.Duration(n)*max(perRecord, p.perRecord)
}

// next is the wait before another question, when a job of n records runs for so
// long and has done so many. Where it does not tell, waits grow with its age: a
// job of ten minutes takes about ten questions.
func (p jobPace) next(n, done int, age time.Duration) time.Duration {
	wait := max(looksApart+time.Duration(n)*perRecord, age*6/10)
	if done > 0 && done < n {
		left := time.Duration(float64(age) * float64(n-done) / float64(done))
		wait = looksApart + min(left*11/10, 2*age)
	}
	return min(wait, time.Minute)
}

// learn takes in that a job of n records was found to be over at this age; atOnce
// says by the first question, so that it may have been over for some time.
func (p *jobPace) learn(n int, age time.Duration, atOnce bool) {
	if n < tellingJob {
		return
	}
	took := max(0, age-looksApart) / time.Duration(n)
	if atOnce {
		took = took * 7 / 10
	}
	if p.perRecord == 0 {
		p.perRecord = took
	}
	p.perRecord = (p.perRecord + took) / 2
}

// askLater plans the next question about a job that has done so many records.
func (w *Writer) askLater(j *job, done int) {
	n := len(j.call.intents)
	w.mu.Lock()
	defer w.mu.Unlock()
	wait := w.jobPace.first(n)
	if j.asked > 0 {
		wait = w.jobPace.next(n, done, time.Since(j.since))
	}
	j.asked++
	j.lookAt = time.Now().Add(min(wait, time.Minute))
}

// jobIsOver learns from a job that has come to its end.
func (w *Writer) jobIsOver(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.ours {
		w.jobPace.learn(len(j.call.intents), time.Since(j.since), j.asked == 1)
	}
}
