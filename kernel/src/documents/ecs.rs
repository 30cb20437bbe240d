//! Documents by the Elastic Common Schema: the mode `ecs`.

use super::fields::Said;
use super::flat::Document;
use super::legacy::{find, stream};
use super::parents::Parents;
use super::route::Route;
use super::text;
use super::value::{Value, key_value, with_value};
use crate::schema::{LINK, STATUS};

/// What attributes of resources are called; those of no name are not taken over.
const RESOURCE: &[(&str, &str)] = &[
    ("service.instance.id", "service.node.name"),
    ("deployment.environment", "service.environment"),
    ("deployment.environment.name", "service.environment"),
    ("telemetry.sdk.name", ""),
    ("telemetry.sdk.language", ""),
    ("telemetry.sdk.version", ""),
    ("telemetry.distro.name", ""),
    ("telemetry.distro.version", ""),
    ("cloud.platform", "cloud.service.name"),
    ("container.image.tags", "container.image.tag"),
    ("host.arch", "host.architecture"),
    ("process.parent_pid", "process.parent.pid"),
    ("process.executable.name", "process.title"),
    ("process.executable.path", "process.executable"),
    ("process.command_line", "process.args"),
    ("process.runtime.name", "service.runtime.name"),
    ("process.runtime.version", "service.runtime.version"),
    ("os.name", "host.os.name"),
    ("os.type", "host.os.platform"),
    ("os.description", "host.os.full"),
    ("os.version", "host.os.version"),
    ("client.address", "client.ip"),
    ("source.address", "source.ip"),
    ("k8s.deployment.name", "kubernetes.deployment.name"),
    ("k8s.namespace.name", "kubernetes.namespace"),
    ("k8s.node.name", "kubernetes.node.name"),
    ("k8s.pod.name", "kubernetes.pod.name"),
    ("k8s.pod.uid", "kubernetes.pod.uid"),
    ("k8s.job.name", "kubernetes.job.name"),
    ("k8s.cronjob.name", "kubernetes.cronjob.name"),
    ("k8s.statefulset.name", "kubernetes.statefulset.name"),
    ("k8s.replicaset.name", "kubernetes.replicaset.name"),
    ("k8s.daemonset.name", "kubernetes.daemonset.name"),
    ("k8s.container.name", "kubernetes.container.name"),
    ("k8s.cluster.name", "orchestrator.cluster.name"),
    ("faas.instance", "faas.id"),
    ("faas.trigger", "faas.trigger.type"),
];
const LOG: &[(&str, &str)] = &[
    ("event.name", "event.action"),
    ("exception.message", "error.message"),
    ("exception.stacktrace", "error.stacktrace"),
    ("exception.type", "error.type"),
    ("exception.escaped", "event.error.exception.handled"),
    ("http.response.body.size", "http.response.encoded_body_size"),
];
const SPAN: &[(&str, &str)] = &[
    ("messaging.destination.name", "span.message.queue.name"),
    ("messaging.operation.name", "span.action"),
    ("db.system", "span.db.type"),
    ("db.namespace", "span.db.instance"),
    ("db.query.text", "span.db.statement"),
    ("http.response.body.size", "http.response.encoded_body_size"),
];
const KINDS: [&str; 6] = ["", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const OUTCOMES: [&str; 3] = ["", "success", "failure"];

/// What documents below one scope have in common. Those of logs say what sent them.
pub fn parents(document: &mut Document, parents: &Parents, logs: bool) {
    let (resource, scope) = (parents.resource(), parents.scope());
    attributes(document, resource.each(1), RESOURCE);
    if let Some(name) = find(resource.each(1), b"host.name")
        && find(resource.each(1), b"host.hostname").is_none()
    {
        document.text(b"host.hostname", &name);
    }
    document.attributes(b"", scope.each(3));
    if logs {
        agent(document, &resource);
    }
    document.text(b"host.os.type", system(&resource).as_bytes());
}

fn attributes<'a>(
    document: &mut Document,
    pairs: impl Iterator<Item = &'a [u8]>,
    names: &[(&str, &str)],
) {
    for pair in pairs {
        let (key, value) = key_value(pair);
        let renamed = names.iter().find(|(known, _)| known.as_bytes() == key);
        let name = renamed.map_or(key, |(_, name)| name.as_bytes());
        if !name.is_empty() {
            with_value(value, |value| document.attribute(b"", name, &value));
        }
    }
}

fn agent(document: &mut Document, resource: &Said) {
    let said = |key: &[u8]| find(resource.each(1), key);
    let mut agent = said(b"telemetry.sdk.name").unwrap_or_else(|| b"otlp".to_vec());
    let language = said(b"telemetry.sdk.language");
    match (language, said(b"telemetry.distro.name")) {
        (language, Some(distro)) => {
            let language = language.unwrap_or_else(|| b"unknown".to_vec());
            agent = [agent, language, distro].join(&b'/');
        }
        (Some(language), None) => agent = [agent, language].join(&b'/'),
        (None, None) => {}
    }
    document.text(b"agent.name", &agent);
    let version = said(b"telemetry.distro.version").or_else(|| said(b"telemetry.sdk.version"));
    document.text(b"agent.version", &version.unwrap_or_default());
}

/// The family of the operating system, in ECS' words.
fn system(resource: &Said) -> &'static str {
    match find(resource.each(1), b"os.name").as_deref() {
        Some(b"Android") => return "android",
        Some(b"iOS") => return "ios",
        _ => {}
    }
    match find(resource.each(1), b"os.type").as_deref() {
        Some(b"windows") => "windows",
        Some(b"linux") => "linux",
        Some(b"darwin") => "macos",
        Some(b"aix" | b"hpux" | b"solaris") => "unix",
        _ => "",
    }
}

pub fn log(document: &mut Document, record: &Said, route: &Route) {
    attributes(document, record.each(6), LOG);
    stream(document, b"", route);
    let time = record.number(1);
    document.time(b"", b"@timestamp", if time == 0 { record.number(11) } else { time });
    document.id(b"trace.id", record.bytes(9));
    document.id(b"span.id", record.bytes(10));
    if record.has(2) {
        document.integer(b"event.severity", record.number(2).cast_signed());
    }
    document.text(b"log.level", record.bytes(3));
    document.text(b"event.action", record.bytes(12));
    with_value(record.message(5), |body| {
        if let Value::Text(_) = body {
            document.attribute(b"", b"message", &body);
        }
    });
}

pub fn span(document: &mut Document, span: &Said, route: &Route) {
    attributes(document, span.each(9), SPAN);
    stream(document, b"", route);
    document.time(b"", b"@timestamp", span.number(7));
    document.id(b"trace.id", span.bytes(1));
    document.id(b"span.id", span.bytes(2));
    document.text(b"span.name", span.bytes(5));
    document.id(b"parent.id", span.bytes(4));
    let status = span.message(15);
    let outcome = Said::of(&STATUS, &status).number(3);
    document.text(b"event.outcome", named(&OUTCOMES, outcome));
    document.text(b"span.kind", named(&KINDS, span.number(6)));
    if span.has(13) {
        document.add(b"", b"span.links", |out| links(out, span));
    }
}

/// What data points of one document have in common.
pub fn points<'a>(
    document: &mut Document,
    time: u64,
    attributes: impl Iterator<Item = &'a [u8]>,
    route: &Route,
) {
    document.time(b"", b"@timestamp", time);
    document.attributes(b"", attributes);
    stream(document, b"", route);
}

fn named(names: &[&'static str], number: u64) -> &'static [u8] {
    names.get(number as usize).copied().unwrap_or_default().as_bytes()
}

fn links(out: &mut Vec<u8>, span: &Said) {
    out.push(b'[');
    for link in span.each(13) {
        let link = Said::of(&LINK, link);
        text::comma(out);
        out.extend(b"{\"trace\":{\"id\":");
        text::hex(out, link.bytes(1));
        out.extend(b"},\"span\":{\"id\":");
        text::hex(out, link.bytes(2));
        out.extend(b"}}");
    }
    out.push(b']');
}
