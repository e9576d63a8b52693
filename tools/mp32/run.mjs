// SPDX-License-Identifier: Apache-2.0
// Run a script under 32-bit MicroPython: node run.mjs MICROPYTHON.mjs HEAP_BYTES SCRIPT NAME=FOLDER ... -- ARGUMENTS
// Each FOLDER is copied to /NAME of the machine's own file system; SCRIPT may use `await` at its top level.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

// Node would print the whole line of the module that failed, and the module is one line.
process.on("uncaughtException", (error) => {
  console.error(String(error.stack ?? error).slice(0, 2000));
  process.exit(1);
});

const [module, heap, script, ...rest] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(module));
const machine = await loadMicroPython({ heapsize: Number(heap), stdout: (line) => console.log(line), linebuffer: true });

function copy(from, to) {
  machine.FS.mkdir(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = `${to}/${entry.name}`;
    if (entry.isDirectory()) copy(source, target);
    else machine.FS.writeFile(target, fs.readFileSync(source));
  }
}

const split = rest.indexOf("--");
const folders = split < 0 ? rest : rest.slice(0, split);
const words = split < 0 ? [] : rest.slice(split + 1);
for (const folder of folders) {
  const at = folder.indexOf("=");
  copy(folder.slice(at + 1), "/" + folder.slice(0, at));
}
// This port has no sys.argv and takes none.
const argv = JSON.stringify([path.basename(script), ...words]);
try {
  await machine.runPythonAsync(fs.readFileSync(script, "utf8").replaceAll("sys.argv", argv));
} catch (error) {
  console.error(String(error.message ?? error));
  process.exitCode = 1;
}
