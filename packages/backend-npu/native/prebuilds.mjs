// Copies what build.mjs or node-gyp made to where a published package has it, for the machine that this runs on. Fails where
// a library is missing, for this is run for a release.
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const built = join(root, 'build', 'Release')
const prebuilds = join(root, 'prebuilds', `${process.platform}-${process.arch}`)

const { targets } = JSON.parse(readFileSync(join(root, 'binding.gyp'), 'utf8'))
const libraries = targets.filter(({ type }) => type === 'shared_library')
rmSync(prebuilds, { recursive: true, force: true })
mkdirSync(prebuilds, { recursive: true })
for (const { product_name } of libraries) {
  copyFileSync(join(built, `${product_name}.so`), join(prebuilds, `${product_name}.so`))
}
console.log(`${libraries.length} libraries in ${prebuilds}`)
