// Send to a StatsD server with hot-shots: statsd_clients.cjs PROTOCOL PORT

const StatsD = require("hot-shots");

const [protocol, port] = process.argv.slice(2);
const client = new StatsD({
  host: "127.0.0.1",
  port: Number(port),
  protocol,
  prefix: "shop.",
  globalTags: { env: "test", shop: "a" },
  maxBufferSize: 1000,
  errorHandler: (error) => { throw error; },
});

client.increment("orders", 7);
client.gauge("stock", 5);
client.timing("took", 12.5);
client.histogram("size", 4);
client.distribution("spread", 2);
for (const user of ["ann", "bob", "ann"]) client.set("users", user);
if (protocol === "udp") {
  client.event("deployed", "two\nlines | bar", { alert_type: "warning" });
  client.check("db", client.CHECKS.CRITICAL, { message: "down" });
}
client.close();
