"""The types of component and the options that the Collector has, so that who asks for one that
Penstock lacks is told just that.

Types are those of the distributions `core` and `contrib`, current and removed, without the
underscores that some have had and others have been given.
"""

from __future__ import annotations

from penstock.config.catalog import Kind

_NAMES = {
    Kind.RECEIVERS: """
        activedirectoryds aerospike apache apachespark awscloudwatch awscontainerinsight
        awscontainerinsightreceiver awsecscontainermetrics awsfirehose awss3 awsxray
        azureblob azureeventhub azuremonitor bigip carbon chrony ciscoos cloudflare
        cloudfoundry collectd couchdb datadog dockerstats elasticsearch envoyals expvar faro
        file filelog filestats flinkmetrics fluentforward github gitlab
        googlecloudmonitoring googlecloudpubsub googlecloudpubsubpush googlecloudspanner
        haproxy hostmetrics httpcheck huaweicloudces icmpcheck iis influxdb jaeger jmx
        journald k8scluster k8sevents k8slog k8sobjects kafka kafkametrics kubeletstats
        libhoney loki macosunifiedlogging memcached mongodb mongodbatlas mysql namedpipe
        netflow nginx nop nsxt ntp opencensus oracledb osquery otelarrow otlp otlpjsonfile
        podmanstats postgresql pprof prometheus prometheusremotewrite pulsar purefa purefb
        rabbitmq receivercreator redfish redis riak saphana sapm signalfx simpleprometheus
        skywalking snmp snowflake solace splunkenterprise splunkhec sqlquery sqlserver
        sshcheck statsd stef syslog systemd tcpcheck tcplog tlscheck udplog vcenter
        wavefront webhookevent windowseventlog windowsperfcounters windowsservice yanggrpc
        zipkin zookeeper
    """,
    Kind.PROCESSORS: """
        attributes batch coralogix cumulativetodelta datadogsemantics deltatocumulative
        deltatorate dnslookup filter geoip groupbyattrs groupbytrace interval
        isolationforest k8sattributes logdedup logstransform lookup memorylimiter
        metricsgeneration metricstarttime metricstransform probabilisticsampler redaction
        remotetap resource resourcedetection routing schema servicegraph span spanmetrics
        spanpruning sumologic tailsampling transform unroll
    """,
    Kind.EXPORTERS: """
        alertmanager alibabacloudlogservice awscloudwatchlogs awsemf awskinesis awss3
        awsxray azureblob azuredataexplorer azuremonitor bmchelix carbon cassandra
        clickhouse coralogix datadog dataset debug doris dynatrace elasticsearch
        f5cloud faro file googlecloud googlecloudpubsub googlecloudstorage googlemanagedprometheus
        honeycombmarker influxdb instana jaeger jaegerthrift kafka kinetica loadbalancing
        logging logicmonitor logzio loki mezmo nop opencensus opensearch otelarrow otlp
        otlphttp parquet prometheus prometheusremotewrite pulsar rabbitmq sapm sentry
        signalfx skywalking splunkhec stef sumologic syslog tanzuobservability
        tencentcloudlogservice tinybird zipkin
    """,
    Kind.CONNECTORS: """
        count datadog exceptions failover forward grafanacloud metricsaslogs otlpjson
        roundrobin routing servicegraph signaltometrics slowsql spanmetrics sum
    """,
    Kind.EXTENSIONS: """
        ack asapclient avrologencoding awscloudwatchmetricstreamsencoding awslogsencoding
        awsproxy azureauth azureencoding basicauth bearertokenauth cfgardenobserver
        cgroupruntime datadog dbstorage dockerobserver ecsobserver ecstaskobserver
        filestorage googleclientauth googlecloudlogentryencoding headerssetter healthcheck
        healthcheckv2 hostobserver httpforwarder jaegerencoding jaegerremotesampling
        jsonlogencoding k8sleaderelector k8sobserver kafkatopicsobserver memoryballast
        memorylimiter oauth2client oidc opamp otlpencoding pprof ratelimiter redisstorage
        remotetap sigv4auth skywalkingencoding solarwindsapmsettings sumologic textencoding
        tpm zipkinencoding zpages
    """,
}

_OPTION_NAMES = """
    authority balancer_name batch batcher block_on_overflow blocking cipher_suites
    compression_algorithms compression_params cookies cors curve_preferences disable_keep_alives
    error_backoff force_attempt_http2 http2_ping_timeout http2_read_idle_timeout
    idle_conn_timeout idle_timeout include_metadata include_system_ca_certs_pool
    keep_alives_enabled keepalive loglevel max_concurrent_streams max_conns_per_host
    max_idle_conns max_idle_conns_per_host max_version metadata_cardinality_limit metadata_keys
    middlewares min_version partition profiles_endpoint profiles_url_path proxy_url
    read_buffer_size read_header_timeout read_timeout reload_interval response_headers storage
    tpm transport user_agent write_buffer_size write_timeout
"""
"""Options of the structures that the Collector's components share, and of those that are here."""

_OPTIONS = frozenset(_OPTION_NAMES.split())
_KNOWN = {kind: frozenset(names.split()) for kind, names in _NAMES.items()}


def in_collector(kind: Kind, type_: str) -> bool:
    """Whether the Collector has, or had, a component of that type."""
    return type_.replace("_", "") in _KNOWN[kind]


def types_in_collector(kind: Kind) -> frozenset[str]:
    """The types that the Collector has, or had, without their underscores."""
    return _KNOWN[kind]


def option_in_collector(name: str) -> bool:
    """Whether components of the Collector have an option of that name."""
    return name in _OPTIONS
