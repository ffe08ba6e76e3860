// Makes the native libraries of this package: takes the prebuilt ones where there are any, else compiles.
//
// `node-gyp-build && node-gyp rebuild` would do the same from the same binding.gyp, but it needs Python and the
// headers of Node, which these libraries do not use (they are no add-ons), and an install fails where there is no
// compiler. So this reads binding.gyp, which is kept plain JSON, and calls the compiler.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const prebuilt = join(root, 'prebuilds', `${process.platform}-${process.arch}`)
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
  return Math.max(...times, statSync(join(root, 'binding.gyp')).mtimeMs)
}

/** Resolves to what is missing; undefined when the target is there. */
async function build(target, defaults, changed) {
  const executable = target.type === 'executable'
  const name = executable ? target.target_name : `lib${target.target_name}.so`
  const file = join(output, name)
  if (existsSync(file) && statSync(file).mtimeMs > changed) return undefined
  const cpp = target.sources.some((source) => extname(source) === '.cc')
  const compiler = cpp ? (process.env.CXX ?? 'c++') : (process.env.CC ?? 'cc')
  const flags = [...defaults.cflags, ...(target.cflags ?? []), ...(cpp ? defaults.cflags_cc : [])]
  const defines = (target.defines ?? []).map((define) => `-D${define}`)
  const link = executable ? ['-pthread'] : ['-shared', ...defaults.ldflags]
  const sources = target.sources.map((source) => join('..', source))
  // Under another name first: a library that is cut short, or in use, must not be seen or overwritten.
  const made = `${file}.${process.pid}`
  const args = [...flags, ...defines, ...sources, '-o', made, ...link, ...defaults.libraries]
  const status = await run(compiler, args, join(root, 'build'))
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
  const gyp = JSON.parse(readFileSync(join(root, 'binding.gyp'), 'utf8'))
  mkdirSync(output, { recursive: true })
  const changed = newest(join(root, 'native'))
  for (const target of gyp.targets) {
    const missing = await build(target, gyp.target_defaults, changed)
    if (missing !== undefined) return say(`no native libraries (reference and test runtimes): ${missing}`)
  }
}

await main()
