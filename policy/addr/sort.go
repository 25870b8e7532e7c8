package addr

import "bytes"

// records is packed spans to be sorted by where they begin: a radix sort in
// place, most significant byte first (the "American flag sort"), which is
// several times as fast here as comparing and needs no second copy.
type records struct {
	data  []byte
	size  int // bytes of one span
	width int // bytes of the key it begins with
}

// few is how many records are sorted by inserting.
const few = 64

func (r records) len() int { return len(r.data) / r.size }

func (r records) at(i int) []byte { return r.data[i*r.size : (i+1)*r.size] }

func (r records) part(from, to int) records {
	return records{r.data[from*r.size : to*r.size], r.size, r.width}
}

func (r records) sorted() bool {
	for i := 1; i < r.len(); i++ {
		if bytes.Compare(r.at(i)[:r.width], r.at(i - 1)[:r.width]) < 0 {
			return false
		}
	}
	return true
}

// sort brings records into order that agree in the bytes before depth.
func (r records) sort(depth int) {
	for ; r.len() > few && depth < r.width; depth++ {
		ends := r.ends(depth)
		if ends[r.data[depth]] == r.len() && (r.data[depth] == 0 || ends[r.data[depth]-1] == 0) {
			continue // all have the same byte here
		}
		r.distribute(depth, ends)
		from := 0
		for _, to := range ends {
			r.part(from, to).sort(depth + 1)
			from = to
		}
		return
	}
	if depth < r.width {
		r.insert(depth)
	}
}

// ends counts where the records of each byte at depth end.
func (r records) ends(depth int) (ends [256]int) {
	for at := depth; at < len(r.data); at += r.size {
		ends[r.data[at]]++
	}
	sum := 0
	for b, n := range ends {
		sum += n
		ends[b] = sum
	}
	return ends
}

// distribute moves every record to the others of its byte.
func (r records) distribute(depth int, ends [256]int) {
	var next [256]int
	copy(next[1:], ends[:255])
	for b := range next {
		for next[b] < ends[b] {
			one := r.at(next[b])
			for home := int(one[depth]); home != b; home = int(one[depth]) {
				swap(one, r.at(next[home]))
				next[home]++
			}
			next[b]++
		}
	}
}

func (r records) insert(depth int) {
	var spare [32]byte
	for i := 1; i < r.len(); i++ {
		key := r.at(i)[depth:r.width]
		j := i
		for j > 0 && bytes.Compare(key, r.at(j - 1)[depth:r.width]) < 0 {
			j--
		}
		if j < i {
			n := copy(spare[:], r.at(i))
			copy(r.data[(j+1)*r.size:(i+1)*r.size], r.data[j*r.size:i*r.size])
			copy(r.at(j), spare[:n])
		}
	}
}

func swap(a, b []byte) {
	var spare [32]byte
	n := copy(spare[:], a)
	copy(a, b)
	copy(b, spare[:n])
}
