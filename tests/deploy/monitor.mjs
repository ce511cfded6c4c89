// Judges a ServiceMonitor by the schema of the Prometheus operator. The schema lets unknown fields pass, so that each field below
// `spec` must also be one that the operator's schemas know.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = join(process.argv[2], "node_modules/@kubernetes-models/prometheus-operator");
const { ServiceMonitor } = await import(pathToFileURL(join(folder, "monitoring.coreos.com/v1/ServiceMonitor.js")));
const schemas = readdirSync(join(folder, "_schemas")).filter((name) => name.endsWith(".js"));
const code = schemas.map((name) => readFileSync(join(folder, "_schemas", name), "utf8")).join("");
const object = JSON.parse(readFileSync(0, "utf8"));
const mistakes = [];
function known(value, at) {
  if (Array.isArray(value)) value.forEach((one, n) => known(one, `${at}[${n}]`));
  else if (value && typeof value === "object") {
    for (const [key, one] of Object.entries(value)) {
      // Labels have names of their own, in a schema of the API's machinery.
      if (key === "matchLabels") continue;
      if (!new RegExp(`\\.${key}\\b`).test(code)) mistakes.push(`${at}.${key}: no such field`);
      known(one, `${at}.${key}`);
    }
  }
}
known(object.spec, "spec");
try {
  new ServiceMonitor(object).validate();
} catch (error) {
  mistakes.push(error.message);
}
console.log(mistakes.join("\n") || "fits");
