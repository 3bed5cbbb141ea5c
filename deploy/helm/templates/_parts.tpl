{{- define "afterglow.labels" -}}
app.kubernetes.io/name: afterglow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "afterglow.image" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}
{{- define "afterglow.account" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
automountServiceAccountToken: false
{{- end }}
{{- define "afterglow.settings" -}}
envFrom:
  - secretRef: {name: {{ .Values.secret }}}
env:
  - {name: AFTERGLOW_HOST, value: "0.0.0.0"}
  - {name: AFTERGLOW_PUBLIC_URL, value: {{ .Values.publicUrl | quote }}}
  - {name: AFTERGLOW_METRICS_HOST, value: "0.0.0.0"}
  - {name: AFTERGLOW_METRICS_PORT, value: "9464"}
  - {name: AFTERGLOW_WORKER_QUEUES, value: {{ .Values.worker.queues | quote }}}
  - {name: FORWARDED_ALLOW_IPS, value: {{ .Values.forwardedAllowIps | quote }}}
  {{- range $name, $value := .Values.settings }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
{{- end }}
