// Grafana's own code, without Grafana: which units it does not know, and what panels make of frames.
// From stdin a JSON object with `units` and `panels`, each with transformations and frames.
const { readFileSync } = require('fs');

const grafana = require(`${process.env.GRAFANA}/node_modules/@grafana/data`);

// What it looks for in a browser: while it is loaded there must be no window, afterwards one.
Object.assign(globalThis, { window: {} });
globalThis.navigator ??= { languages: ['en'] };

const { units, panels } = JSON.parse(readFileSync(0));
const known = new Set(grafana.getValueFormats().flatMap((some) => some.submenu.map((it) => it.value)));

const transformers = new Map(Object.values(grafana.standardTransformers).map((it) => [it.id, it]));
grafana.standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((it) => ({ id: it.id, name: it.name, transformation: async () => it })),
);

const transformed = ({ transformations, frames }) =>
  new Promise((resolve) => {
    grafana.transformDataFrame(transformations, frames.map(grafana.toDataFrame)).subscribe(resolve);
  });

const columns = (frames) =>
  frames.map((frame) =>
    frame.fields.map((field) => [field.name, grafana.getFieldDisplayName(field, frame, frames)]),
  );

Promise.all(panels.map(transformed)).then((results) => {
  const unknown = units.filter((unit) => !known.has(unit));
  console.log(JSON.stringify({ unknown, columns: results.map(columns) }));
});
