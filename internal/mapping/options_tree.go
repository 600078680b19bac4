package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// defaultWords are the words for defaults that are kept as the empty text.
var defaultWords = map[string]string{"deletes": "remove", "when_read_only": "send", "creates": "call"}

// pauseKeys are kept with the options and are no part of the configuration.
var pauseKeys = []string{"pause_reads", "pause_writes"}

// Tree gives the options that are not at their default, by key. Pauses are
// left out.
func (o Options) Tree() map[string]any { return treeOf(o) }

// Tree gives the options that are not at their default, by key. Pauses are
// left out.
func (o ConnectionOptions) Tree() map[string]any { return treeOf(o) }

func treeOf(options any) map[string]any {
	var tree map[string]any
	text, err := json.Marshal(options)
	if err == nil {
		err = json.Unmarshal(text, &tree)
	}
	if err != nil {
		// Numbers, texts and maps of them: there is nothing to fail at.
		panic("mapping: options as JSON: " + err.Error())
	}
	for _, key := range pauseKeys {
		delete(tree, key)
	}
	return tree
}

// Patched returns the options of a mapping of these fields with a change: a
// JSON merge patch, in which null takes an option back to its default. What is
// wrong comes back as [OptionErrors].
func (o Options) Patched(patch map[string]any, fields []string) (Options, error) {
	out, errs := patched[Options](o.Tree(), patch)
	out.PauseReads, out.PauseWrites = o.PauseReads, o.PauseWrites
	if len(errs) > 0 {
		return out, errs
	}
	return out, out.Check(fields)
}

// Patched returns the options with a change, as [Options.Patched] does.
func (o ConnectionOptions) Patched(patch map[string]any) (ConnectionOptions, error) {
	out, errs := patched[ConnectionOptions](o.Tree(), patch)
	out.PauseReads, out.PauseWrites = o.PauseReads, o.PauseWrites
	if len(errs) > 0 {
		return out, errs
	}
	return out, out.Check()
}

func patched[T any](tree, patch map[string]any) (out T, errs OptionErrors) {
	mergePatch(tree, patch)
	w := &walker{}
	out = readOptions[T](w, &object{members: tree})
	for _, e := range w.errs {
		errs = append(errs, &OptionError{Key: e.Path, Problem: e.Problem})
	}
	return out, errs
}

// mergePatch changes tree by RFC 7396. Names of fields are the same in any
// case.
func mergePatch(tree, patch map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		key, v := name, patch[name]
		for old := range tree {
			if strings.EqualFold(old, name) {
				key = old
			}
		}
		sub, isObject := v.(map[string]any)
		inner, wasObject := tree[key].(map[string]any)
		switch {
		case v == nil:
			delete(tree, key)
		case isObject && wasObject:
			mergePatch(inner, sub)
		case isObject:
			inner = map[string]any{}
			mergePatch(inner, sub)
			tree[key] = inner
		default:
			tree[key] = v
		}
	}
}

// readOptions fills a struct of options from an object. Unlike elsewhere in a
// file, a key that is not known is an error: a filter that is misspelt must not
// be passed over.
func readOptions[T any](w *walker, o *object) (out T) {
	into := reflect.ValueOf(&out).Elem()
	var known []string
	for i := range into.NumField() {
		key, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ",")
		v := o.take(key)
		if slices.Contains(pauseKeys, key) {
			if v.v != nil {
				w.fail(v.path, "a pause is no part of the configuration; use the commands pause and resume")
			}
			continue
		}
		known = append(known, key)
		if v.v != nil {
			w.option(into.Field(i), key, v)
		}
	}
	slices.Sort(known)
	for _, name := range o.names() {
		w.fail(o.child(shown(name)), "there is no such option; there are "+strings.Join(known, ", "))
	}
	return out
}

// option reads one value into a field by the field's type.
func (w *walker) option(into reflect.Value, key string, v value) {
	switch into.Kind() {
	case reflect.String:
		text := w.text(v)
		if text == defaultWords[key] {
			text = ""
		}
		into.SetString(text)
	case reflect.Int:
		const bound = 1 << 31
		if n, ok := w.integer(v, 0, -bound, bound-1); ok {
			into.SetInt(int64(n))
		}
	case reflect.Bool:
		into.SetBool(w.boolean(v, false))
	case reflect.Map:
		w.optionMap(into, v)
	default:
		panic(fmt.Sprintf("mapping: option %s of type %s can't be read", key, into.Type()))
	}
}

// optionMap reads texts by field name.
func (w *walker) optionMap(into reflect.Value, v value) {
	o, ok := w.object(v)
	if !ok || len(o.members) == 0 {
		return
	}
	out := reflect.MakeMap(into.Type())
	for _, name := range o.names() {
		v := o.take(name)
		if v.v == nil {
			continue
		}
		out.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(w.text(v)).Convert(into.Type().Elem()))
	}
	into.Set(out)
}
