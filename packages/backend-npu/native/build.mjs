// Makes the native libraries of this package, in build/Release: takes the prebuilt ones where there are any, else
// compiles. A failure is told in one line and fails nothing, for the package works without them.
//
// `node-gyp rebuild -C native` does the same from the same binding.gyp (in native/build/Release), but it needs Python
// and the headers of Node, which these libraries do not use: they are no add-ons. So this reads binding.gyp, which is
// kept plain JSON, and calls the compiler. It is not in the package's root, where package managers would run node-gyp.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const native = dirname(fileURLToPath(import.meta.url))
const root = dirname(native)
const prebuilt = join(root, 'prebuilds', `${process.platform}-${process.arch}`)
// Any folder in native/ would do: that is where the paths of binding.gyp's flags start from.
const compileFolder = join(native, 'reference')
const output = join(root, 'build', 'Release')

const say = (text) => process.stdout.write(`backend-npu: ${text}\n`)

/** Resolves to the exit status; null when the program cannot be started. */
function run(program, args, cwd) {
  return new Promise((resolve) => {
    spawn(program, args, { cwd, stdio: 'inherit' })
      .on('error', () => resolve(null))
      .on('close', resolve)
  })
}

function newest(folder) {
  const times = readdirSync(folder, { recursive: true }).map((name) => statSync(join(folder, name)).mtimeMs)
  return Math.max(...times)
}

/** Resolves to what is missing; undefined when the target is there. */
async function build(target, defaults, changed) {
  const executable = target.type === 'executable'
  const name = executable ? target.target_name : `${target.product_name}.so`
  const file = join(output, name)
  if (existsSync(file) && statSync(file).mtimeMs > changed) return undefined
  const cpp = target.sources.some((source) => extname(source) === '.cc')
  const compiler = cpp ? (process.env.CXX ?? 'c++') : (process.env.CC ?? 'cc')
  const flags = [
    ...defaults.cflags,
    ...(target.cflags ?? []),
    ...(cpp ? defaults.cflags_cc : defaults.cflags_c),
  ]
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
  if (existsSync(prebuilt)) return
  if (process.platform !== 'linux') return say(`no native libraries: none are made for ${process.platform}`)
  const gyp = JSON.parse(readFileSync(join(native, 'binding.gyp'), 'utf8'))
  mkdirSync(output, { recursive: true })
  const changed = newest(native)
  for (const target of gyp.targets) {
    const missing = await build(target, gyp.target_defaults, changed)
    if (missing !== undefined) return say(`no native libraries (reference and test runtimes): ${missing}`)
  }
}

await main()
