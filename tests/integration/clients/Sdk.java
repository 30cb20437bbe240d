import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.KeyValue;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.View;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Sends one of everything with the Java SDK, to Penstock and, as the truth, to the recorder.
 *
 * <p>Sdk.java SERVICE PROTOCOL COMPRESSION PENSTOCK_URL TRUTH_URL
 */
public final class Sdk {
  /** One collection of metrics, to two exporters. */
  private record Tee(MetricExporter one, MetricExporter other) implements MetricExporter {
    @Override
    public CompletableResultCode export(Collection<MetricData> metrics) {
      return CompletableResultCode.ofAll(List.of(one.export(metrics), other.export(metrics)));
    }

    @Override
    public CompletableResultCode flush() {
      return CompletableResultCode.ofAll(List.of(one.flush(), other.flush()));
    }

    @Override
    public CompletableResultCode shutdown() {
      return CompletableResultCode.ofAll(List.of(one.shutdown(), other.shutdown()));
    }

    @Override
    public AggregationTemporality getAggregationTemporality(InstrumentType type) {
      return one.getAggregationTemporality(type);
    }
  }

  private record Target(String protocol, String compression, String url) {
    SpanExporter spans() {
      return protocol.equals("grpc")
          ? OtlpGrpcSpanExporter.builder().setEndpoint(url).setCompression(compression).build()
          : OtlpHttpSpanExporter.builder()
              .setEndpoint(url + "/v1/traces").setCompression(compression).build();
    }

    MetricExporter metrics() {
      return protocol.equals("grpc")
          ? OtlpGrpcMetricExporter.builder().setEndpoint(url).setCompression(compression).build()
          : OtlpHttpMetricExporter.builder()
              .setEndpoint(url + "/v1/metrics").setCompression(compression).build();
    }

    LogRecordExporter logs() {
      return protocol.equals("grpc")
          ? OtlpGrpcLogRecordExporter.builder().setEndpoint(url).setCompression(compression).build()
          : OtlpHttpLogRecordExporter.builder()
              .setEndpoint(url + "/v1/logs").setCompression(compression).build();
    }
  }

  public static void main(String[] args) {
    var penstock = new Target(args[1], args[2], args[3]);
    var truth = new Target("grpc", "none", args[4]);
    var resource = Resource.create(Attributes.builder()
        .put("service.name", args[0]).put("host.cpus", 8).put("host.load", 0.5)
        .put("host.tags", "a", "b").build());
    var tracers = SdkTracerProvider.builder().setResource(resource)
        .addSpanProcessor(BatchSpanProcessor.builder(penstock.spans()).build())
        .addSpanProcessor(BatchSpanProcessor.builder(truth.spans()).build())
        .build();
    var loggers = SdkLoggerProvider.builder().setResource(resource)
        .addLogRecordProcessor(BatchLogRecordProcessor.builder(penstock.logs()).build())
        .addLogRecordProcessor(BatchLogRecordProcessor.builder(truth.logs()).build())
        .build();
    var meters = SdkMeterProvider.builder().setResource(resource)
        .registerView(
            InstrumentSelector.builder().setName("latency").build(),
            View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram()).build())
        .registerMetricReader(
            PeriodicMetricReader.create(new Tee(penstock.metrics(), truth.metrics())))
        .build();
    send(
        tracers.tracerBuilder("shop").setInstrumentationVersion("1.2.3").build(),
        meters.meterBuilder("shop").setInstrumentationVersion("1.2.3").build(),
        loggers.loggerBuilder("shop").setInstrumentationVersion("1.2.3").build());
    CompletableResultCode
        .ofAll(List.of(tracers.shutdown(), meters.shutdown(), loggers.shutdown()))
        .join(30, TimeUnit.SECONDS);
  }

  private static void send(Tracer tracer, Meter meter, Logger logger) {
    var checkout = tracer.spanBuilder("checkout").setSpanKind(SpanKind.SERVER)
        .setAttribute("text", "grüße 🚰").setAttribute("integer", 9007199254740991L)
        .setAttribute("double", 0.25).setAttribute("boolean", true)
        .setAttribute(AttributeKey.stringArrayKey("texts"), List.of("a", "b"))
        .setAttribute(AttributeKey.longArrayKey("integers"), List.of(1L, -2L))
        .startSpan();
    try (var scope = checkout.makeCurrent()) {
      checkout.addEvent("cart.loaded", Attributes.of(AttributeKey.longKey("items"), 3L));
      checkout.setStatus(StatusCode.OK);
      var elsewhere = SpanContext.createFromRemoteParent(
          "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331",
          TraceFlags.getSampled(), TraceState.getDefault());
      var charge = tracer.spanBuilder("charge").setSpanKind(SpanKind.CLIENT)
          .addLink(elsewhere, Attributes.of(AttributeKey.stringKey("why"), "retry")).startSpan();
      charge.recordException(new IllegalStateException("card declined"));
      charge.setStatus(StatusCode.ERROR, "card declined");
      charge.end();
      var notify = tracer.spanBuilder("notify").setSpanKind(SpanKind.PRODUCER).startSpan();
      try (var inner = notify.makeCurrent()) {
        write(logger);
      }
      notify.end();
      measure(meter);
    }
    checkout.end();
  }

  private static void measure(Meter meter) {
    var orders = meter.counterBuilder("orders").setUnit("1").setDescription("Orders taken.").build();
    var region = AttributeKey.stringKey("region");
    var paid = AttributeKey.booleanKey("paid");
    orders.add(5, Attributes.of(region, "eu", paid, true));
    orders.add(2, Attributes.of(region, "us", paid, false));
    meter.upDownCounterBuilder("carts").build().add(-3);
    meter.gaugeBuilder("temperature").setUnit("Cel").build().set(21.5);
    meter.gaugeBuilder("queue.depth").ofLongs().buildWithCallback(
        depth -> depth.record(7, Attributes.of(AttributeKey.stringKey("queue"), "mail")));
    for (var value : new double[] {0, 1.5, 20, 5000}) {
      meter.histogramBuilder("order.value").setUnit("EUR").build().record(value);
      meter.histogramBuilder("latency").setUnit("ms").build().record(value);
    }
  }

  private static void write(Logger logger) {
    logger.logRecordBuilder().setTimestamp(java.time.Instant.now())
        .setSeverity(Severity.WARN).setSeverityText("WARN")
        .setBody("mail server is slow")
        .setAttribute(AttributeKey.longKey("attempt"), 2L)
        .setAttribute(AttributeKey.stringKey("host"), "mail-1")
        .emit();
    logger.logRecordBuilder().setEventName("order.placed")
        .setBody(Value.of(
            KeyValue.of("order", Value.of(17)),
            KeyValue.of("lines", Value.of(Value.of("a"), Value.of("b"))),
            KeyValue.of("total", Value.of(12.5))))
        .emit();
  }
}
