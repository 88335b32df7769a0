{{/* Labels of every object. */}}
{{- define "tka.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: tka
{{- end }}

{{/* What finds the pods of (dict "root" $ "component" "server"). */}}
{{- define "tka.selector" -}}
app.kubernetes.io/name: tka-{{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* repository:tag, or repository@digest, of an image of the values. */}}
{{- define "tka.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{- define "tka.ourImage" -}}
{{- $image := .Values.image }}
{{- include "tka.image" (dict "repository" $image.repository "digest" $image.digest "tag" ($image.tag | default .Chart.AppVersion)) }}
{{- end }}

{{/* Where something goes that deploy/rbac delivers for tka or tka-system. */}}
{{- define "tka.place" -}}
{{- if eq .namespace "tka" }}{{ .root.Values.tka.operator.namespace }}
{{- else if eq .namespace "tka-system" }}{{ .root.Release.Namespace }}
{{- else if eq .namespace "kube-public" }}{{ .root.Values.tka.clusterInfo.configMapRef.namespace }}
{{- else }}{{ fail (printf "deploy/rbac names the namespace %s, which the chart does not know" .namespace) }}
{{- end }}
{{- end }}

{{/* One document of deploy/rbac, as (dict "root" $ "object" ...), for this release: where it goes, whom it
     names, and the list of roles. */}}
{{- define "tka.rbac" -}}
{{- $root := .root }}
{{- $object := .object }}
{{- $metadata := $object.metadata }}
{{- if $metadata.namespace }}
{{- $_ := set $metadata "namespace" (include "tka.place" (dict "root" $root "namespace" $metadata.namespace)) }}
{{- end }}
{{- range $object.subjects }}
{{- $_ := set . "namespace" (include "tka.place" (dict "root" $root "namespace" .namespace)) }}
{{- end }}
{{- range $object.rules }}
{{- if and .resourceNames (has "clusterroles" .resources) }}
{{- $_ := set . "resourceNames" $root.Values.tka.operator.roles }}
{{- else if eq $metadata.name "tka-server-cluster-info" }}
{{- $_ := set . "resourceNames" (list $root.Values.tka.clusterInfo.configMapRef.name) }}
{{- end }}
{{- end }}
{{- $_ := set $metadata "labels" (merge (include "tka.labels" $root | fromYaml) $metadata.labels) }}
{{- toYaml $object }}
{{- end }}

{{/* One document of deploy/policies for this release: its variables say what it is held to. */}}
{{- define "tka.policy" -}}
{{- $root := .root }}
{{- $object := .object }}
{{- $known := dict
      "server" (printf "'system:serviceaccount:%s:tka-server'" $root.Release.Namespace)
      "operator" (printf "'system:serviceaccount:%s:tka-operator'" $root.Release.Namespace)
      "sessions" (printf "'%s'" $root.Values.tka.operator.namespace)
      "release" (printf "'%s'" $root.Release.Namespace)
      "roles" (printf "['%s']" (join "', '" $root.Values.tka.operator.roles))
      "minPeriod" (printf "duration('%s')" $root.Values.tka.server.minPeriod)
      "maxPeriod" (printf "duration('%s')" $root.Values.tka.server.maxPeriod) }}
{{- if $root.Values.policies.audiences }}
{{- $_ := set $known "audiences" (printf "['%s']" (join "', '" $root.Values.policies.audiences)) }}
{{- end }}
{{- range $object.spec.variables }}
{{- if hasKey $known .name }}
{{- $_ := set . "expression" (get $known .name) }}
{{- end }}
{{- end }}
{{- $_ := set $object.metadata "labels" (merge (include "tka.labels" $root | fromYaml) $object.metadata.labels) }}
{{- toYaml $object }}
{{- end }}

{{/* The file both daemons read: tka.*, without what only the chart understands. */}}
{{- define "tka.config" -}}
{{- $config := deepCopy .Values.tka }}
{{- $_ := set $config.tailscale "socket" "/run/tailscale/tailscaled.sock" }}
{{- $tls := $config.server.tls }}
{{- $files := ternary (dict "certFile" "/etc/tka-tls/tls.crt" "keyFile" "/etc/tka-tls/tls.key") dict (ne $tls.secretName "") }}
{{- $_ := set $config.server "tls" (merge $files (omit $tls "secretName")) }}
{{- if not $config.server.tls }}
{{- $_ := unset $config.server "tls" }}
{{- end }}
{{- if not $config.clusterInfo.caData }}
{{- $_ := unset $config.clusterInfo "caData" }}
{{- end }}
{{- if not $config.clusterInfo.apiEndpoint }}
{{- $_ := unset $config.clusterInfo "apiEndpoint" }}
{{- end }}
{{- if not (dig "otel" "endpoint" "" $config) }}
{{- $_ := unset $config "otel" }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{/* Refuses what the daemons or the API server would refuse later, and says so in one line. */}}
{{- define "tka.check" -}}
{{- $tka := .Values.tka }}
{{- if eq $tka.operator.namespace .Release.Namespace }}
{{- fail (printf "tka.operator.namespace: %q is the namespace of the release; sessions need one of their own" .Release.Namespace) }}
{{- end }}
{{- $rights := lookup "rbac.authorization.k8s.io/v1" "ClusterRoleBinding" "" "tka-operator" | default dict }}
{{- range dig "subjects" list $rights }}
{{- if ne (.namespace | default "") $.Release.Namespace }}
{{- fail (printf "TKA is in this cluster already, with its programs in %q: a cluster takes one installation, and this one would take the rights and policies of the other over" .namespace) }}
{{- end }}
{{- end }}
{{- if .Release.IsUpgrade }}
{{- $live := lookup "v1" "ConfigMap" .Release.Namespace "tka" | default dict }}
{{- $before := dig "data" "config.yaml" "" $live | fromYaml | dig "operator" "namespace" $tka.operator.namespace }}
{{- if ne $before $tka.operator.namespace }}
{{- fail (printf "tka.operator.namespace: sessions live in %q, and nobody would end them: uninstall first, which ends them, then install with %q" $before $tka.operator.namespace) }}
{{- end }}
{{- end }}
{{- $now := now }}
{{- range $key := list "minPeriod" "maxPeriod" }}
{{- $seconds := sub (dateModify (get $tka.server $key) $now | unixEpoch) ($now | unixEpoch) }}
{{- if or (lt $seconds 1) (gt $seconds 31622400) }}
{{- fail (printf "tka.server.%s: %s is out of range (1s to 8784h)" $key (get $tka.server $key)) }}
{{- end }}
{{- end }}
{{- if lt (dateModify $tka.server.maxPeriod $now | unixEpoch | int64) (dateModify $tka.server.minPeriod $now | unixEpoch | int64) }}
{{- fail (printf "tka.server.minPeriod: %s is more than tka.server.maxPeriod, %s" $tka.server.minPeriod $tka.server.maxPeriod) }}
{{- end }}
{{- include "tka.checkCluster" $tka.clusterInfo }}
{{- include "tka.checkTls" . }}
{{- if and .Values.tailscale.workloadIdentity.clientID (not .Values.tailscale.workloadIdentity.audience) }}
{{- fail "tailscale.workloadIdentity.audience is required with a clientID: without one, the token handed out would be good for the API server" }}
{{- end }}
{{- if and .Values.tailscale.persistence.enabled (gt (int .Values.server.replicas) 1) }}
{{- fail "server.replicas: one volume holds the identity of one node: set tailscale.persistence.enabled=false, or one replica" }}
{{- end }}
{{- end }}

{{- define "tka.checkCluster" -}}
{{- if and .apiEndpoint .configMapRef.enabled }}
{{- fail "tka.clusterInfo.apiEndpoint and tka.clusterInfo.configMapRef.enabled do not go together: the ConfigMap names the API server" }}
{{- end }}
{{- if not (or .apiEndpoint .configMapRef.enabled) }}
{{- fail "tka.clusterInfo.apiEndpoint is required: the API server as people reach it, https://HOST:PORT" }}
{{- end }}
{{- if and .caData (not (and (regexMatch "^[A-Za-z0-9+/]+=*$" .caData) (contains "-----END CERTIFICATE-----" (b64dec .caData)))) }}
{{- fail "tka.clusterInfo.caData: this is no certificate: its PEM in base64 is needed, on one line, as in a kubeconfig" }}
{{- end }}
{{- end }}

{{- define "tka.checkTls" -}}
{{- $source := include "tka.tls" . }}
{{- $tls := .Values.tka.server.tls }}
{{- if and .Values.tailscale.loginServer (eq $source "tailscale") }}
{{- fail "tka.server.tls: this is TLS with the tailnet's certificate (port 443 means that), and headscale gives no certificates: set tka.server.tls.secretName, or another port" }}
{{- end }}
{{- if and (eq $source "off") (eq (int .Values.tka.tailscale.port) 443) }}
{{- fail "tka.server.tls.source: off does not go with tka.tailscale.port 443, which means TLS" }}
{{- end }}
{{- if and (eq $source "files") (not $tls.secretName) }}
{{- fail "tka.server.tls.source: files needs tka.server.tls.secretName" }}
{{- end }}
{{- end }}

{{/* Where the certificate is from, by tka-server's own rules: files, tailscale or off. */}}
{{- define "tka.tls" -}}
{{- $tls := .Values.tka.server.tls }}
{{- if ne ($tls.source | default "auto") "auto" }}{{ $tls.source }}
{{- else if or $tls.secretName $tls.certFile }}files
{{- else if eq (int .Values.tka.tailscale.port) 443 }}tailscale
{{- else }}off
{{- end }}
{{- end }}

{{/* Containers are restricted in the sense of Pod Security. */}}
{{- define "tka.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "tka.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* A pod's own token, for the one container that needs it. */}}
{{- define "tka.tokenVolume" -}}
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3607}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}

{{- define "tka.tokenMount" -}}
- {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}

{{/* Probes and metrics are on the pod's address: 127.0.0.1 is the tailnet's. */}}
{{- define "tka.health" -}}
ports:
  - {name: health, containerPort: {{ .Values.tka.health.port }}}
livenessProbe:
  httpGet: {path: /livez, port: health}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{- define "tka.healthAddress" -}}
- {name: TKA_HEALTH_ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
{{- end }}

{{/* Which nodes take the pods of (dict "root" $ "component" "server"), and from where they pull. */}}
{{- define "tka.nodes" -}}
{{- $own := index .root.Values .component }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The same, and how they keep off each other. */}}
{{- define "tka.scheduling" -}}
{{- $own := index .root.Values .component }}
{{- include "tka.nodes" . }}
{{- with $own.topologySpreadConstraints }}
topologySpreadConstraints: {{ toYaml . | nindent 2 }}
{{- end }}
{{- if $own.affinity }}
affinity: {{ toYaml $own.affinity | nindent 2 }}
{{- else }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector: {matchLabels: {{ include "tka.selector" . | fromYaml | toJson }}}
{{- end }}
{{- end }}

{{- define "tka.podMetadata" -}}
{{- $own := index .root.Values .component }}
annotations:
  checksum/config: {{ include "tka.config" .root | sha256sum }}
  {{- with $own.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
labels:
  {{- include "tka.selector" . | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  app.kubernetes.io/part-of: tka
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  {{- with $own.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
