// What package managers run after they unpacked this package. It never fails an installation, and never downloads: where
// nothing prebuilt loads, node-gyp-build compiles with node-gyp if it has all it needs, else build.mjs calls the compiler.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const native = dirname(fileURLToPath(import.meta.url))
const root = dirname(native)

/** Whether it succeeded. node-gyp would fill screens with what it lacks; build.mjs says that in a line. */
function runs(script, env = {}) {
  const quiet = process.env.npm_config_loglevel !== 'verbose'
  const options = { cwd: root, env: { ...process.env, ...env }, stdio: quiet ? 'ignore' : 'inherit' }
  return spawnSync(process.execPath, [script], options).status === 0
}

/** Where the headers of this Node lie; undefined where node-gyp would have to download them. */
function headers() {
  const folders = [process.env.npm_config_nodedir, dirname(dirname(process.execPath))]
  return folders.find((folder) => folder && existsSync(join(folder, 'include', 'node', 'common.gypi')))
}

function installed() {
  const npm_config_nodedir = headers()
  if (npm_config_nodedir !== undefined) {
    runs(createRequire(import.meta.url).resolve('node-gyp-build/bin.js'), { npm_config_nodedir })
  }
  // Its status says little: the node-gyp that npx puts in the path does nothing, successfully.
  return runs(join(native, 'loads.cjs'))
}

// A checkout is compiled by its build script.
if (!existsSync(join(root, 'src')) && !installed()) await import('./build.mjs')
