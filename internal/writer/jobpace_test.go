package writer

import (
	"testing"
	"time"
)

// TestJobsAreAskedForWhenTheyShouldBeOver counts the questions about jobs of an
// org of a given speed, of which it learns.
func TestJobsAreAskedForWhenTheyShouldBeOver(t *testing.T) {
	t.Parallel()
	const n = 20_000
	for name, tt := range map[string]struct {
		took          time.Duration
		tells         bool // how many records are done
		first, second int  // questions about the first job and about later ones, at most
	}{
		"fast":                  {200 * time.Millisecond, false, 1, 1},
		"as we thought":         {900 * time.Millisecond, true, 1, 2},
		"slow, and says so":     {20 * time.Second, true, 4, 3},
		"slow, and says not":    {20 * time.Second, false, 8, 3},
		"very slow, and so on":  {10 * time.Minute, true, 16, 12},
		"very slow, says not":   {10 * time.Minute, false, 20, 12},
		"slower than ever seen": {time.Hour, false, 75, 65},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p jobPace
			for job := range 10 {
				asked, age := 1, p.first(n)
				for ; age < tt.took; asked++ {
					done := 0
					if tt.tells {
						done = int(float64(n) * age.Seconds() / tt.took.Seconds())
					}
					age += p.next(n, done, age)
				}
				most := tt.second
				if job == 0 {
					most = tt.first
				}
				if asked > most {
					t.Errorf("job %d was asked for %d times", job+1, asked)
				}
				if late := age - tt.took; late > tt.took+time.Second {
					t.Errorf("job %d of %v was found to be over %v later", job+1, tt.took, late)
				}
				p.learn(n, age, asked == 1)
			}
		})
	}
}
