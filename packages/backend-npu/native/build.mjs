// Makes the native libraries of this package in build/Release, and anew where a source changed. A failure is told in one
// line and fails nothing, for the package works without them.
//
// `node-gyp rebuild` does the same from the same binding.gyp, but it needs Python and the headers of Node, which these
// libraries do not use: they are no add-ons. So this reads binding.gyp, which is kept plain JSON, and calls the compiler.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// The paths of binding.gyp's flags start here, as they do for node-gyp.
const compileFolder = join(root, 'build')
const output = join(compileFolder, 'Release')

const say = (text) => process.stdout.write(`backend-npu: ${text}\n`)

/** Resolves to the exit status; null when the program cannot be started. */
function run(program, args, cwd) {
  return new Promise((resolve) => {
    spawn(program, args, { cwd, stdio: 'inherit' })
      .on('error', () => resolve(null))
      .on('close', resolve)
  })
}

function newestSource() {
  const native = join(root, 'native')
  const files = readdirSync(native, { recursive: true }).map((name) => join(native, name))
  return Math.max(...[...files, join(root, 'binding.gyp')].map((file) => statSync(file).mtimeMs))
}

/** Resolves to what is missing; undefined when the target is there. */
async function build(target, defaults, changed) {
  const executable = target.type === 'executable'
  const name = executable ? target.target_name : `${target.product_name}.so`
  const file = join(output, name)
  if (existsSync(file) && statSync(file).mtimeMs > changed) return undefined
  const cpp = target.sources.some((source) => extname(source) === '.cc')
  const compiler = cpp ? (process.env.CXX ?? 'c++') : (process.env.CC ?? 'cc')
  const flags = [...defaults.cflags, ...(cpp ? defaults.cflags_cc : defaults.cflags_c)]
  const defines = (target.defines ?? []).map((define) => `-D${define}`)
  const link = executable ? ['-pthread'] : ['-shared', ...defaults.ldflags]
  const sources = target.sources.map((source) => join('..', source))
  // Under another name first: a library that is cut short, or in use, must not be seen or overwritten.
  const made = `${file}.${process.pid}`
  const args = [...flags, ...defines, ...sources, '-o', made, ...link, ...defaults.libraries]
  const status = await run(compiler, args, compileFolder)
  if (status === 0) {
    renameSync(made, file)
    return undefined
  }
  rmSync(made, { force: true })
  return status === null ? `the compiler '${compiler}' is not there` : `'${compiler}' failed on ${name}`
}

async function main() {
  if (process.platform !== 'linux') return say(`no native libraries: none are made for ${process.platform}`)
  const gyp = JSON.parse(readFileSync(join(root, 'binding.gyp'), 'utf8'))
  mkdirSync(output, { recursive: true })
  const changed = newestSource()
  for (const target of gyp.targets) {
    const missing = await build(target, gyp.target_defaults, changed)
    if (missing !== undefined) return say(`no native libraries (reference and test runtimes): ${missing}`)
  }
}

await main()
