// Send one of everything with the Node SDK, to Penstock and, as the truth, to the recorder.
// sdk.cjs SERVICE PROTOCOL COMPRESSION PENSTOCK_URL TRUTH_URL

const { context, trace, SpanKind, SpanStatusCode, TraceFlags } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchSpanProcessor, BasicTracerProvider } = require("@opentelemetry/sdk-trace-base");
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { AggregationType, MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");

const [service, protocol, compression, penstock, truth] = process.argv.slice(2);
const packages = { "grpc": "grpc", "http/protobuf": "proto", "http/json": "http" };
const classes = { trace: "OTLPTraceExporter", metrics: "OTLPMetricExporter", logs: "OTLPLogExporter" };
const paths = { trace: "/v1/traces", metrics: "/v1/metrics", logs: "/v1/logs" };

function exporter(signal, protocol, url, compression) {
  const module = require(`@opentelemetry/exporter-${signal}-otlp-${packages[protocol]}`);
  const path = protocol === "grpc" ? "" : paths[signal];
  return new module[classes[signal]]({ url: url + path, compression });
}

const both = (signal) => [
  exporter(signal, protocol, penstock, compression),
  exporter(signal, "grpc", truth, "none"),
];

// One collection of metrics, to two exporters.
class Tee {
  constructor(exporters) { this.exporters = exporters; }
  async export(metrics, done) {
    const sent = this.exporters.map((each) => new Promise((resolve) => each.export(metrics, resolve)));
    const results = await Promise.all(sent);
    done(results.find((result) => result.code !== 0) ?? results[0]);
  }
  forceFlush() { return Promise.all(this.exporters.map((each) => each.forceFlush())); }
  shutdown() { return Promise.all(this.exporters.map((each) => each.shutdown())); }
}

function write(logger, within) {
  logger.emit({
    context: within, severityNumber: SeverityNumber.WARN, severityText: "WARN",
    body: "mail server is slow", attributes: { attempt: 2, host: "mail-1" }, timestamp: new Date(),
  });
  logger.emit({ eventName: "order.placed", body: { order: 17, lines: ["a", "b"], total: 12.5 } });
}

function measure(meter, within) {
  const orders = meter.createCounter("orders", { unit: "1", description: "Orders taken." });
  orders.add(5, { region: "eu", paid: true }, within);
  orders.add(2, { region: "us", paid: false }, within);
  meter.createUpDownCounter("carts").add(-3);
  meter.createGauge("temperature", { unit: "Cel" }).record(21.5);
  meter.createObservableGauge("queue.depth").addCallback((result) => result.observe(7, { queue: "mail" }));
  for (const value of [0, 1.5, 20, 5000]) {
    meter.createHistogram("order.value", { unit: "EUR" }).record(value, {}, within);
    meter.createHistogram("latency", { unit: "ms" }).record(value, {}, within);
  }
}

function send(tracer, meter, logger) {
  const attributes = {
    text: "grüße 🚰", integer: 9007199254740991, double: 0.25, boolean: true,
    texts: ["a", "b"], integers: [1, -2],
  };
  const checkout = tracer.startSpan("checkout", { kind: SpanKind.SERVER, attributes });
  const within = trace.setSpan(context.active(), checkout);
  checkout.addEvent("cart.loaded", { items: 3 });
  checkout.setStatus({ code: SpanStatusCode.OK });
  const elsewhere = {
    traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331",
    traceFlags: TraceFlags.SAMPLED, isRemote: true,
  };
  const links = [{ context: elsewhere, attributes: { why: "retry" } }];
  const charge = tracer.startSpan("charge", { kind: SpanKind.CLIENT, links }, within);
  charge.recordException(new Error("card declined"));
  charge.setStatus({ code: SpanStatusCode.ERROR, message: "card declined" });
  charge.end();
  const notify = tracer.startSpan("notify", { kind: SpanKind.PRODUCER }, within);
  write(logger, trace.setSpan(within, notify));
  notify.end();
  measure(meter, within);
  checkout.end();
}

async function main() {
  const resource = resourceFromAttributes({
    "service.name": service, "host.cpus": 8, "host.load": 0.5, "host.tags": ["a", "b"],
  });
  const spanProcessors = both("trace").map((each) => new BatchSpanProcessor(each));
  const tracers = new BasicTracerProvider({ resource, spanProcessors });
  const processors = both("logs").map((each) => new BatchLogRecordProcessor({ exporter: each }));
  const loggers = new LoggerProvider({ resource, processors });
  const meters = new MeterProvider({
    resource,
    readers: [new PeriodicExportingMetricReader({ exporter: new Tee(both("metrics")) })],
    views: [{ instrumentName: "latency", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  });
  const shop = ["shop", "1.2.3"];
  send(tracers.getTracer(...shop), meters.getMeter(...shop), loggers.getLogger(...shop));
  for (const provider of [tracers, meters, loggers]) await provider.shutdown();
}

main();
