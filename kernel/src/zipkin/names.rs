//! Tags that stand for something of OTLP.

pub const NO_SERVICE: &str = "OTLPResourceNoServiceName";
pub const SERVICE: &str = "service.name";
/// Which attribute of the resource the name of the service is from, where it is another one.
pub const SERVICE_SOURCE: &str = "otlp.service.name.source";
/// What names a service where nothing else does, in this order.
pub const OTHER_SERVICES: [&str; 3] =
    ["faas.name", "k8s.deployment.name", "process.executable.name"];

pub const SCOPE_NAME: &str = "otel.library.name";
pub const SCOPE_VERSION: &str = "otel.library.version";
pub const NEW_SCOPE_NAME: &str = "otel.scope.name";
pub const NEW_SCOPE_VERSION: &str = "otel.scope.version";

pub const TRACE_STATE: &str = "w3c.tracestate";
pub const KIND: &str = "span.kind";
pub const ERROR: &str = "error";
pub const STATUS_CODE: &str = "otel.status_code";
pub const STATUS_DESCRIPTION: &str = "otel.status_description";
/// With the number of the link behind it.
pub const LINK: &str = "otlp.link.";
/// That a span has no time; set on spans of OTLP.
pub const NO_START: &str = "otel.zipkin.absentField.startTime";

pub const LOCAL_ADDRESS: &str = "network.local.address";
pub const LOCAL_PORT: &str = "net.host.port";
pub const PEER_ADDRESS: &str = "network.peer.address";
pub const PEER_PORT: &str = "net.peer.port";
pub const PEER_SERVICE: &str = "service.peer.name";
pub const OLD_PEER_SERVICE: &str = "peer.service";

pub const HTTP_CODE: &str = "http.response.status_code";
pub const OLD_HTTP_CODE: &str = "http.status_code";

/// Whether a tag is an attribute of the resource: those that OpenTelemetry's conventions have.
pub fn is_of_resource(key: &str) -> bool {
    OF_RESOURCES.binary_search(&key).is_ok()
}

/// In order.
const OF_RESOURCES: [&str; 88] = [
    "aws.ecs.cluster.arn",
    "aws.ecs.container.arn",
    "aws.ecs.launchtype",
    "aws.ecs.task.arn",
    "aws.ecs.task.family",
    "aws.ecs.task.revision",
    "aws.eks.cluster.arn",
    "aws.log.group.arns",
    "aws.log.group.names",
    "aws.log.stream.arns",
    "aws.log.stream.names",
    "cloud.account.id",
    "cloud.availability_zone",
    "cloud.platform",
    "cloud.provider",
    "cloud.region",
    "cloud.resource_id",
    "container.id",
    "container.image.name",
    "container.image.tag",
    "container.name",
    "container.runtime",
    "deployment.environment",
    "deployment.environment.name",
    "device.id",
    "device.manufacturer",
    "device.model.identifier",
    "device.model.name",
    "faas.id",
    "faas.instance",
    "faas.max_memory",
    "faas.name",
    "faas.version",
    "host.arch",
    "host.id",
    "host.image.id",
    "host.image.name",
    "host.image.version",
    "host.name",
    "host.type",
    "k8s.cluster.name",
    "k8s.container.name",
    "k8s.container.restart_count",
    "k8s.cronjob.name",
    "k8s.cronjob.uid",
    "k8s.daemonset.name",
    "k8s.daemonset.uid",
    "k8s.deployment.name",
    "k8s.deployment.uid",
    "k8s.job.name",
    "k8s.job.uid",
    "k8s.namespace.name",
    "k8s.node.name",
    "k8s.node.uid",
    "k8s.pod.name",
    "k8s.pod.uid",
    "k8s.replicaset.name",
    "k8s.replicaset.uid",
    "k8s.statefulset.name",
    "k8s.statefulset.uid",
    "opencensus.exporterversion",
    "opencensus.resourcetype",
    "opencensus.starttime",
    "os.description",
    "os.name",
    "os.type",
    "os.version",
    "process.command",
    "process.command_args",
    "process.command_line",
    "process.executable.name",
    "process.executable.path",
    "process.owner",
    "process.pid",
    "process.runtime.description",
    "process.runtime.name",
    "process.runtime.version",
    "service.instance.id",
    "service.name",
    "service.namespace",
    "service.version",
    "telemetry.auto.version",
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "webengine.description",
    "webengine.name",
    "webengine.version",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_resources_can_be_searched() {
        assert!(OF_RESOURCES.is_sorted());
        assert!(is_of_resource("host.name") && !is_of_resource("http.method"));
    }
}
