package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// sample is what one run of something took.
type sample struct {
	wall   time.Duration
	memory int64 // peak resident set in bytes; 0: not measured
}

// interleaved runs the contestants in turn, round after round, so that whatever
// else the machine does meets all of them, and gives each one's medians.
func interleaved(rounds int, contestants ...func() (sample, error)) ([]sample, error) {
	all := make([][]sample, len(contestants))
	for range rounds {
		for i, run := range contestants {
			s, err := run()
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], s)
		}
	}
	medians := make([]sample, len(all))
	for i, samples := range all {
		medians[i] = sample{
			wall:   median(samples, func(s sample) time.Duration { return s.wall }),
			memory: median(samples, func(s sample) int64 { return s.memory }),
		}
	}
	return medians, nil
}

// median of what of picks; zero where there are no samples.
func median[S any, V cmp.Ordered](samples []S, of func(S) V) (v V) {
	if len(samples) == 0 {
		return v
	}
	var values []V
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// wallRow compares durations: ours may be at most limit times theirs.
func wallRow(what string, ours, theirs time.Duration, beside string, limit float64) row {
	return ratioRow(what, ours.Seconds()/theirs.Seconds(), duration(ours), beside+": "+duration(theirs), limit)
}

// plainRow is wallRow without a goal.
func plainRow(what string, ours, theirs time.Duration, beside string) row {
	return row{What: what, Ours: duration(ours), Beside: beside + ": " + duration(theirs), Ratio: fmt.Sprintf("%.2f", ours.Seconds()/theirs.Seconds())}
}

// memoryRow compares peak memory.
func memoryRow(what string, ours, theirs int64, beside string, limit float64) row {
	return ratioRow(what, float64(ours)/float64(theirs), megabytes(ours), beside+": "+megabytes(theirs), limit)
}

func ratioRow(what string, ratio float64, ours, beside string, limit float64) row {
	return row{What: what, Ours: ours, Beside: beside, Ratio: fmt.Sprintf("%.2f", ratio),
		Goal: fmt.Sprintf("≤ %g", limit), Met: ratio <= limit}
}

// duration is written with three digits, more or less.
func duration(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
