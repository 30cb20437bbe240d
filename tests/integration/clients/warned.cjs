// Send a counter of twenty users with the Node SDK, twice, and print what the SDK has to say.
// warned.cjs PROTOCOL PENSTOCK_URL

const { diag, DiagConsoleLogger, DiagLogLevel } = require("@opentelemetry/api");
const { MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");

const [protocol, penstock] = process.argv.slice(2);
const packages = { "grpc": "grpc", "http/protobuf": "proto", "http/json": "http" };

async function main() {
  diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
  const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${packages[protocol]}`);
  const exporter = new OTLPMetricExporter({ url: penstock + (protocol === "grpc" ? "" : "/v1/metrics") });
  const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
  const orders = meters.getMeter("shop").createCounter("orders");
  for (let user = 0; user < 20; user++) orders.add(1, { user });
  await meters.forceFlush();
  await meters.shutdown();
}

main();
