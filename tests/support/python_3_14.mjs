// Holds the code that the Android app packs against CPython 3.14, which python-for-android brings.
// No such interpreter is needed here: Pyodide's, compiled to WebAssembly, comes from npm.
//
//     npm install --prefix build/pyodide pyodide@314.0.7
//     NODE_PATH=build/pyodide/node_modules node tests/support/python_3_14.mjs
//
// It has neither NumPy nor Pillow, so: every file is compiled with warnings as errors, every module
// of the standard library that is imported is there, and the part of headfit that needs neither
// library runs: manifests are read and an extractor is installed.
import { createRequire } from "node:module";

const { loadPyodide } = createRequire(import.meta.url)("pyodide");
const python = await loadPyodide();
const root = new URL("../..", import.meta.url).pathname;
for (const folder of ["sdk", "demo_app"]) {
  python.FS.mkdir(`/${folder}`);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: root + folder }, `/${folder}`);
}
python.runPython(`
import ast, importlib.util, os, pathlib, sys, types, warnings

warnings.simplefilter("error")
files = sorted(pathlib.Path("/sdk/headfit").rglob("*.py"))
files += sorted(pathlib.Path("/demo_app/headfit_demo").rglob("*.py"))
wanted = set()
for path in files:
    source = path.read_text("utf-8")
    compile(source, str(path), "exec", dont_inherit=True, optimize=2)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            wanted.add(node.module)
library = {name for name in wanted if name.partition(".")[0] in sys.stdlib_module_names}
missing = [name for name in sorted(library) if importlib.util.find_spec(name) is None]
others = {name.partition(".")[0] for name in wanted - library}
print(sys.version.split()[0], f"{len(files)} files compiled, {len(library)} library modules")
print("not there:", missing or "none", "| other packages:", *sorted(others))

package = types.ModuleType("headfit")  # its __init__ asks for NumPy
package.__path__ = ["/sdk/headfit"]
sys.modules["headfit"] = package
os.environ["ANDROID_PRIVATE"] = "/files"
from headfit.errors import ExtractorError
from headfit.extractors.finding import find_extractor, install_extractor

(network,) = pathlib.Path("/sdk/headfit/extractors").glob("*.tflite")
try:
    install_extractor(network.read_bytes()[:-1])
except ExtractorError as error:
    print("a cut file is refused:", str(error)[:60], "...")
print("installed:", install_extractor(network.read_bytes()))
`);
