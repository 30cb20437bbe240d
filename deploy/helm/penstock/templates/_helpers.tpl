{{- /* The name of a ConfigMap, which is another one when what it holds is: so pods are replaced. */ -}}
{{- define "penstock.hashed" -}}
{{ .name }}-{{ toJson .data | sha256sum | trunc 10 }}
{{- end }}

{{- /* A ConfigMap of that name. */ -}}
{{- define "penstock.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "penstock.hashed" . }}
  namespace: {{ .namespace }}
data: {{ toJson .data }}
{{- end }}

{{- /* The variables of agents and gateways, as JSON. */ -}}
{{- define "penstock.environment" -}}
{{- $variables := dict }}
{{- range .Files.Lines "base/environment.env" }}
{{- $pair := splitn "=" 2 . }}
{{- if . }}{{ $_ := set $variables $pair._0 $pair._1 }}{{ end }}
{{- end }}
{{- range $name, $value := .Values.environment }}
{{- $_ := set $variables $name (toString $value) }}
{{- end }}
{{- toJson $variables }}
{{- end }}

{{- /* Says in a pod which image, resources and ConfigMaps it has. */ -}}
{{- define "penstock.pod" -}}
{{- $top := .top }}
{{- $names := .names }}
{{- $resources := .resources }}
{{- $tag := $top.Values.image.tag | default $top.Chart.AppVersion }}
{{- range concat (.pod.initContainers | default list) .pod.containers }}
{{- $_ := set . "image" (printf "%s:%v" $top.Values.image.repository $tag) }}
{{- if and $resources (eq .name "penstock") }}{{ $_ := set . "resources" $resources }}{{ end }}
{{- range .envFrom }}
{{- $_ := set .configMapRef "name" (get $names .configMapRef.name) }}
{{- end }}
{{- end }}
{{- range .pod.volumes }}
{{- if and .configMap (hasKey $names .configMap.name) }}
{{- $_ := set .configMap "name" (get $names .configMap.name) }}
{{- end }}
{{- end }}
{{- end }}
