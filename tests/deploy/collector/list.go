// Lists every option of the Collector's components: kind, type, path and default, one a line.
package main

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
)

type factory interface {
	Type() component.Type
	CreateDefaultConfig() component.Config
}

func main() {
	for kind, factories := range all {
		for _, each := range factories {
			l := lister{head: kind + "\t" + each.Type().String()}
			fmt.Println(l.head)
			l.list(reflect.ValueOf(each.CreateDefaultConfig()), "", nil)
		}
	}
}

type lister struct{ head string }

// list prints the options of a struct, each with those below it; types above it are not entered again.
func (l lister) list(value reflect.Value, prefix string, above []reflect.Type) {
	value = opened(value)
	if value.Kind() != reflect.Struct || !ours(value.Type()) || contains(above, value.Type()) {
		return
	}
	above = append(above, value.Type())
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name, rest, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		inside := field.Anonymous && name == "" || strings.Contains(rest, "squash")
		switch {
		case inside:
			l.list(value.Field(i), prefix, above)
		case strings.Contains(rest, "remain"):
			fmt.Printf("%s\t%s*\t\n", l.head, prefix)
		case name != "-" && name != "" && field.IsExported():
			fmt.Printf("%s\t%s%s\t%s\n", l.head, prefix, name, text(value.Field(i)))
			l.enabled(value.Field(i), prefix+name)
			l.below(value.Field(i), prefix+name, above)
		}
	}
}

// enabled is an option of every section that may be left out, without being a field of it.
func (l lister) enabled(value reflect.Value, path string) {
	if strings.HasPrefix(value.Type().Name(), "Optional[") && opened(value).Kind() == reflect.Struct {
		has := value.MethodByName("HasValue").Call(nil)[0].Bool()
		fmt.Printf("%s\t%s.enabled\t%t\n", l.head, path, has)
	}
}

func (l lister) below(value reflect.Value, path string, above []reflect.Type) {
	value = opened(value)
	switch value.Kind() {
	case reflect.Slice, reflect.Array:
		l.list(reflect.New(value.Type().Elem()).Elem(), path+"[].", above)
	case reflect.Map:
		l.list(reflect.New(value.Type().Elem()).Elem(), path+".*.", above)
	default:
		l.list(value, path+".", above)
	}
}

// opened is what a pointer leads to and what an optional section has when it is there.
func opened(value reflect.Value) reflect.Value {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface {
		if value.IsNil() {
			if value.Kind() == reflect.Interface {
				return value
			}
			value = reflect.New(value.Type().Elem())
		}
		value = value.Elem()
	}
	if value.Kind() == reflect.Struct && strings.HasPrefix(value.Type().Name(), "Optional[") {
		fresh := reflect.New(value.Type())
		if value.CanInterface() {
			fresh.Elem().Set(value)
		}
		found := fresh.MethodByName("GetOrInsertDefault").Call(nil)
		return opened(found[0])
	}
	return value
}

func ours(t reflect.Type) bool {
	path := t.PkgPath()
	return path == "" || strings.Contains(path, "open-telemetry") || strings.Contains(path, "opentelemetry.io")
}

func contains(types []reflect.Type, t reflect.Type) bool {
	for _, each := range types {
		if each == t {
			return true
		}
	}
	return false
}

// text is a default as JSON; nothing for sections and for what has none.
func text(value reflect.Value) string {
	if !value.IsValid() || !value.CanInterface() || value.IsZero() && value.Kind() != reflect.Bool {
		return ""
	}
	if strings.HasPrefix(value.Type().Name(), "Optional[") {
		if !value.MethodByName("HasValue").Call(nil)[0].Bool() {
			return ""
		}
		value = opened(value)
	}
	for value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	var plain any = value.Interface()
	switch it := plain.(type) {
	case time.Duration:
		plain = it.String()
	case encoding.TextMarshaler:
		made, _ := it.MarshalText()
		plain = string(made)
	default:
		if value.Kind() == reflect.Struct || value.Kind() == reflect.Func || value.Kind() == reflect.Map {
			return ""
		}
		if value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct {
			return ""
		}
	}
	made, err := json.Marshal(plain)
	if err != nil {
		return ""
	}
	return string(made)
}
