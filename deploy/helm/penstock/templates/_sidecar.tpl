{{- /* The settings of sidecars, under a name that changes with them. */ -}}
{{- define "penstock.sidecar.settings" -}}
{{- dict "name" "penstock-sidecar" "data" (dict "penstock.yaml" (.Files.Get "sidecar/penstock.yaml")) | toJson }}
{{- end }}

{{- /* For charts that depend on this one: a Deployment, as JSON, with a sidecar. Takes it as `workload`, and
       `.Subcharts.penstock` as `penstock`. */ -}}
{{- define "penstock.sidecar" -}}
{{- $settings := include "penstock.sidecar.settings" .penstock | fromJson }}
{{- $patch := .penstock.Files.Get "sidecar/patch.yaml" | fromYaml }}
{{- $pod := .workload.spec.template.spec }}
{{- $ours := $patch.spec.template.spec }}
{{- $_ := set $ours "containers" list }}
{{- include "penstock.pod" (dict "top" .penstock "pod" $ours "names" (dict $settings.name (include "penstock.hashed" $settings))) }}
{{- $_ := set $pod "initContainers" (concat $ours.initContainers ($pod.initContainers | default list)) }}
{{- $_ := set $pod "volumes" (concat $ours.volumes ($pod.volumes | default list)) }}
{{- $_ := set $pod "terminationGracePeriodSeconds" $ours.terminationGracePeriodSeconds }}
{{- $_ := set .workload.spec.template.metadata "labels" (merge .workload.spec.template.metadata.labels $patch.spec.template.metadata.labels) }}
{{- toJson .workload }}
{{- end }}

{{- /* The ConfigMap of those sidecars. Takes `.Subcharts.penstock` as `penstock`, and `namespace`. */ -}}
{{- define "penstock.sidecar.configMap" -}}
{{- $settings := include "penstock.sidecar.settings" .penstock | fromJson }}
{{- include "penstock.configMap" (set $settings "namespace" .namespace) }}
{{- end }}
