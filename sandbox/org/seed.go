package org

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// SeedPlan says what to fill an object with.
type SeedPlan struct {
	Object string `json:"object"`
	Rows   int    `json:"rows"`
	// Seed decides every value; the same plan on the same org gives the same
	// records.
	Seed uint64 `json:"seed"`
	// Past spreads the stamps over the two years before now, with many records
	// sharing a second; otherwise all take the present second.
	Past bool `json:"past"`
	// Computed has the records worked out whenever they are read, and stored
	// only once they are edited. nil is yes from 100,000 rows on.
	Computed *bool `json:"computed,omitempty"`
}

// computedRows is the size from which a seed is computed unless told.
const computedRows = 100_000

func (p SeedPlan) computed() bool {
	if p.Computed != nil {
		return *p.Computed
	}
	return p.Rows >= computedRows
}

const maxSeedRows = 20_000_000

// Seed fills an object with made-up records, past the save pipeline and the
// log of writes, and returns how many.
func (o *Org) Seed(p SeedPlan) (int, error) {
	obj, ok := o.Catalog.Object(p.Object)
	if !ok {
		return 0, fmt.Errorf("seed: no object %q", p.Object)
	}
	if p.Rows < 0 || p.Rows > maxSeedRows {
		return 0, fmt.Errorf("seed: rows is %d, must be 0 to %d", p.Rows, maxSeedRows)
	}
	if p.computed() && p.Rows > 0 {
		if err := o.plot(obj, p); err != nil {
			return 0, err
		}
		if err := o.recalculateOver(obj); err != nil {
			return 0, fmt.Errorf("seed: %w", err)
		}
		return p.Rows, nil
	}
	g := &generator{org: o, obj: obj, rnd: rand.New(rand.NewPCG(p.Seed, 0xdecafbad)), past: p.Past}
	const slice = 1000 // rows per hold of the lock, so that readers get a turn
	for done := 0; done < p.Rows; done += slice {
		o.mu.Lock()
		g.prepare()
		for range min(slice, p.Rows-done) {
			g.grow()
		}
		o.mu.Unlock()
	}
	if err := o.recalculateOver(obj); err != nil {
		return 0, fmt.Errorf("seed: %w", err)
	}
	return p.Rows, nil
}

// generator makes up records of one object.
type generator struct {
	org  *Org
	obj  *schema.Object
	t    *table
	rnd  *rand.Rand
	past bool
	now  time.Time
	// parents are the records each lookup may point to.
	parents map[string]pool
}

func (g *generator) prepare() {
	g.t = g.org.table(g.obj)
	g.now = g.org.Clock.Now()
	if g.parents != nil {
		return
	}
	g.parents = map[string]pool{}
	for _, f := range g.obj.Fields {
		for _, name := range f.ReferenceTo {
			if _, done := g.parents[name]; done || len(f.ReferenceTo) > 3 {
				continue
			}
			g.parents[name] = g.org.pool(name)
		}
	}
}

func (g *generator) grow() {
	c := newSeedling(g.org, g.t, g.obj)
	place := places[g.rnd.IntN(len(places))]
	for _, f := range g.obj.Fields {
		if f.Stored() && f.Createable && f.Type != schema.TypeID && !f.AutoNumber && !g.foreign(f) {
			c.values[f.Slot] = g.value(f, place)
		}
	}
	c.plant(g.stampTime())
}

// foreign says that a lookup points to what this org has no object for. Nothing
// is drawn for it.
func (g *generator) foreign(f *schema.Field) bool {
	if len(f.ReferenceTo) != 1 {
		return false
	}
	_, ok := g.org.Catalog.Object(f.ReferenceTo[0])
	return !ok
}

func (g *generator) stampTime() time.Time {
	if !g.past {
		return g.now
	}
	const year = 365 * 24 * 60
	return g.now.Add(-time.Duration(g.rnd.IntN(2*year)+20) * time.Minute).Truncate(time.Minute)
}

// value makes up one field. Optional ones are empty in about a third.
func (g *generator) value(f *schema.Field, place [3]string) schema.Value {
	if f.Type != schema.TypeBoolean && f.Nillable && !strings.Contains(f.Name, "External_ID") && g.rnd.IntN(10) < 3 {
		return schema.Null
	}
	switch f.Type {
	case schema.TypeReference:
		return g.lookup(f)
	case schema.TypeBoolean:
		return schema.Bool(g.rnd.IntN(3) == 0)
	case schema.TypeInt:
		return schema.Number(float64(g.rnd.IntN(int(math.Pow10(min(max(f.Digits, 1), 6))))))
	case schema.TypeDouble, schema.TypeCurrency, schema.TypePercent:
		return g.decimal(f)
	case schema.TypeDate:
		return schema.Date(g.day())
	case schema.TypeDateTime:
		return schema.Instant(g.day()*86400 + int64(g.rnd.IntN(86400)))
	case schema.TypeTime:
		return schema.TimeOfDay(int64(g.rnd.IntN(86400)) * 1000)
	case schema.TypePicklist, schema.TypeMultiPicklist, schema.TypeCombobox:
		return g.pick(f)
	case schema.TypeBase64:
		return schema.Text("c2FuZGJveA==")
	}
	return fit(f, g.text(f, place))
}

// spreads says whether a seed lets a lookup point to made-up records. Owners
// are users, and no record type is made up.
func spreads(f *schema.Field) bool {
	if len(f.ReferenceTo) == 0 || len(f.ReferenceTo) > 3 {
		return false
	}
	switch f.ReferenceTo[0] {
	case "Group", "RecordType":
		return false
	}
	return true
}

func (g *generator) lookup(f *schema.Field) schema.Value {
	if !spreads(f) {
		return schema.Null
	}
	parents := g.parents[f.ReferenceTo[0]]
	self := f.ReferenceTo[0] == g.obj.Name
	if parents.Size == 0 || self && g.rnd.IntN(20) > 0 {
		return schema.Null
	}
	return schema.Text(MakeID(parents.Prefix, parents.number(uint64(g.rnd.IntN(int(parents.Size))))))
}

// decimal draws whole, fractional and extreme numbers within the field.
func (g *generator) decimal(f *schema.Field) schema.Value {
	whole := min(max(f.Precision-f.Scale, 1), 9)
	if strings.HasSuffix(f.Name, "Latitude") || strings.HasSuffix(f.Name, "Longitude") {
		return schema.Number(math.Round((g.rnd.Float64()*170-85)*1e6) / 1e6)
	}
	n := g.rnd.Float64() * math.Pow10(g.rnd.IntN(whole)+1)
	switch g.rnd.IntN(20) {
	case 0:
		n = 0
	case 1:
		n = -n
	case 2:
		n = math.Pow10(whole - 1)
	}
	unit := math.Pow10(min(f.Scale, 4))
	return schema.Number(math.Round(n*unit) / unit)
}

// The ends of Salesforce's range of dates, in days.
const (
	firstDay = -98615 // 1700-01-01
	lastDay  = 741456 // 4000-01-01
)

// day draws days mostly around now, sometimes the ends of Salesforce's range.
func (g *generator) day() int64 {
	switch g.rnd.IntN(400) {
	case 0:
		return firstDay
	case 1:
		return lastDay
	}
	return g.now.Unix()/86400 - 1500 + int64(g.rnd.IntN(2000))
}

func (g *generator) pick(f *schema.Field) schema.Value {
	if len(f.Picklist) == 0 {
		return schema.Null
	}
	if f.Type != schema.TypeMultiPicklist {
		return schema.Text(f.Picklist[g.rnd.IntN(len(f.Picklist))].Value)
	}
	var chosen []string
	for _, p := range f.Picklist {
		if g.rnd.IntN(3) == 0 {
			chosen = append(chosen, p.Value)
		}
	}
	return schema.Text(strings.Join(chosen, ";"))
}

// fit cuts a text to the field's length.
func fit(f *schema.Field, s string) schema.Value {
	if f.Length > 0 && textLength(s) > f.Length {
		runes := []rune(s)
		for textLength(string(runes)) > f.Length {
			runes = runes[:len(runes)-1]
		}
		s = string(runes)
	}
	return schema.Text(strings.TrimSpace(s))
}

func (g *generator) one(list []string) string { return list[g.rnd.IntN(len(list))] }

func (g *generator) text(f *schema.Field, place [3]string) string {
	n := g.t.sequence + 1
	switch f.Name {
	case "Name":
		return g.title(n)
	case "FirstName":
		return g.one(firstNames)
	case "LastName":
		return g.one(lastNames)
	case "External_ID__c":
		if g.rnd.IntN(10) < 3 {
			return ""
		}
		return fmt.Sprintf("%s-%07d", strings.ToLower(g.obj.Name[:3]), n)
	case "Username":
		return fmt.Sprintf("user%d@sandbox.example", n)
	case "Alias", "CommunityNickname":
		return fmt.Sprintf("u%d", n)
	case "Title":
		return g.one(jobTitles)
	}
	for i, part := range []string{"City", "State", "Country"} {
		if strings.HasSuffix(f.Name, part) {
			return place[i]
		}
	}
	switch {
	case strings.HasSuffix(f.Name, "Street"):
		return fmt.Sprintf("%d %s", g.rnd.IntN(900)+1, g.one(streets))
	case strings.HasSuffix(f.Name, "PostalCode"):
		return fmt.Sprintf("%05d", g.rnd.IntN(100000))
	case f.Type == schema.TypeEmail:
		return fmt.Sprintf("%s.%d@example.com", strings.ToLower(g.one(companyWords)), n)
	case f.Type == schema.TypePhone:
		return fmt.Sprintf("+1 (555) %03d-%04d", g.rnd.IntN(1000), g.rnd.IntN(10000))
	case f.Type == schema.TypeURL:
		return fmt.Sprintf("https://www.%s-%d.example", strings.ToLower(g.one(companyWords)), n)
	case f.Type == schema.TypeTextarea:
		return g.prose(f.Length)
	}
	return fmt.Sprintf("%s %d", g.one(companyWords), g.rnd.IntN(10000))
}

func (g *generator) title(n uint64) string {
	switch g.obj.Name {
	case "Account":
		return fmt.Sprintf("%s %s %s %d", g.one(companyWords), g.one(companyWords), g.one(companyForms), n)
	case "Opportunity":
		return fmt.Sprintf("%s - %s %d", g.one(companyWords), g.one(dealKinds), n)
	}
	return fmt.Sprintf("%s %s %d", g.one(companyWords), g.obj.Label, n)
}

// prose mixes plain sentences with what breaks naive readers: line ends,
// quotes, other scripts, a leading equals sign.
func (g *generator) prose(length int) string {
	var b strings.Builder
	if g.rnd.IntN(50) == 0 {
		b.WriteString("=SUM(A1:A9) ")
	}
	sentences := 1 + g.rnd.IntN(4)
	if length > 4000 && g.rnd.IntN(500) == 0 {
		sentences = 120
	}
	for i := range sentences {
		if i > 0 {
			b.WriteString(g.one(breaks))
		}
		b.WriteString(g.one(sentencesOf))
	}
	return b.String()
}
