import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npu } from '@xpu-hal/backend-npu'
import { describe, expect, test } from 'vitest'
import { engineOn, file, folder, runtime } from './support.js'

const library = runtime()

const rpath = (folders: string) => `-Wl,-rpath,${folders}`

function compile(name: string, source: string, ...flags: string[]): string {
  const path = join(folder, name)
  execFileSync('cc', ['-shared', '-fPIC', '-o', path, file(`${name}.c`, source), ...flags])
  return path
}

/** The whole error, with the folder of this test as `@`. */
const message = async (path: string): Promise<string> => {
  const error: unknown = await npu({ library: path })
    .doDevices({ logger: () => {} })
    .catch((caught) => caught)
  expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE', native: { call: 'dlopen' } })
  return (error as Error).message.replaceAll(folder, '@')
}

const NAME_IT =
  'Give the path of the libRuntimeLibrary.so of the vendor, built for this machine, with npu({ library }).'

const wrong = (path: string, fact: string) => `${path} does not load as an OAAX runtime: ${fact}. ${NAME_IT}`

describe('a path', () => {
  test('where nothing is is named', async () => {
    expect(await message(join(folder, 'none.so'))).toBe(wrong('@/none.so', 'there is no such file'))
    expect(await message(join(file('a file', ''), 'none.so'))).toBe(
      wrong('@/a file/none.so', 'there is no such file'),
    )
  })

  test('that is relative, or a bare name, begins at the working directory', async () => {
    const begun = process.cwd()
    expect(await message('none.so')).toContain(`${join(begun, 'none.so')} does not load`)
    expect(await message('../none.so')).toContain(`${join(begun, '..', 'none.so')} does not load`)
    // The linker would find this one by itself.
    expect(await message('libc.so.6')).toContain(`${join(begun, 'libc.so.6')} does not load`)
  })

  test('of a folder leads to the library in it', async () => {
    const inside = join(folder, 'vendor')
    mkdirSync(inside)
    expect(await message(inside)).toBe(
      wrong('@/vendor', 'it is a folder, and there is no @/vendor/libRuntimeLibrary.so'),
    )
    writeFileSync(join(inside, 'libRuntimeLibrary.so'), '')
    expect(await message(inside)).toContain(
      'it is a folder. Give the path of the library in it: @/vendor/libRuntimeLibrary.so.',
    )
  })

  test.each([
    ['empty.so', '', 'it is empty'],
    ['text.so', 'text', 'it is no shared library, for it is no ELF file'],
    [
      'script.so',
      '/* GNU ld script */\nGROUP ( libreal.so )',
      'it is a linker script, which names the real library',
    ],
    ['archive.so', '!<arch>\n', 'it is a static library'],
    ['windows.so', 'MZ\x90', 'it is a library or program for Windows'],
    [
      'pointer.so',
      'version https://git-lfs.github.com/spec/v1\n',
      'it is a placeholder of Git LFS for the real file',
    ],
    ['short.so', '\x7fELF\x02\x01\x01', 'it is cut short or damaged: it has 7 bytes'],
  ])('of another kind of file is named: %s', async (name, content, fact) => {
    expect(await message(file(name, Buffer.from(content, 'latin1')))).toBe(wrong(`@/${name}`, fact))
  })

  test.skipIf(process.getuid?.() === 0)(
    'of a file that may not be read is named (skipped for root, who may read every file)',
    async () => {
      const path = file('secret.so', '')
      chmodSync(path, 0)
      expect(await message(path)).toBe(wrong('@/secret.so', 'it may not be read by this user'))
    },
  )
})

describe.skipIf(library === undefined)('a library', () => {
  const built = () => readFileSync(library as string)

  test('for another machine is named, with both machines', async () => {
    const bytes = built()
    const [here, machine, there] = process.arch === 'x64' ? ['x64', 183, 'arm64'] : ['arm64', 62, 'x64']
    bytes.writeUInt16LE(machine as number, 18)
    expect(await message(file('other.so', bytes))).toBe(
      wrong('@/other.so', `it is built for ${there} (64 bits), and this process is ${here} (64 bits)`),
    )
    bytes.writeUInt16LE(3, 18)
    bytes[4] = 1
    expect(await message(file('old.so', bytes))).toContain('it is built for ia32 (32 bits)')
  })

  test('that is cut short anywhere is refused before it is mapped', async () => {
    const bytes = built()
    // Only the half that is mapped for certain: behind it may be symbols that nobody needs.
    for (let length = 64; length < bytes.length / 2; length += 512) {
      expect(await message(file('cut.so', bytes.subarray(0, length)))).toMatch(/it is cut short/)
    }
  })

  test('that is a program is named', async () => {
    const path = join(folder, 'program')
    execFileSync('cc', ['-no-pie', '-o', path, file('main.c', 'int main(void) { return 0; }')])
    expect(await message(path)).toContain('it is no shared library, but another kind of ELF file')
  })

  test.each([
    [
      '-DMISSING_SYMBOL',
      'it has no function send_input, receive_output, nor the older runtime_inference_execution',
    ],
    ['-Dreceive_output=other', 'it has no function receive_output'],
    ['-Druntime_model_loading=other', 'it has no function runtime_model_loading'],
    ['-Druntime_destruction=other', 'it has no function runtime_destruction'],
    ['-Druntime_initialization=other -DNO_ARGS', 'it has no function runtime_initialization'],
    ['-DSYNCHRONOUS -Druntime_inference_cleanup=other', 'it has no function runtime_inference_cleanup'],
  ])('that lacks a function is named, and the function: %s', async (flags, fact) => {
    const path = runtime(...flags.split(' ')) as string
    expect(await message(path)).toContain(
      `${path.replace(folder, '@')} does not load as an OAAX runtime: it is no`,
    )
    expect(await message(path)).toContain(`${fact}`)
    expect(await message(path)).not.toContain('undefined')
  })

  test('that lacks what describes it works all the same', async () => {
    const nameless = runtime('-Druntime_name=a', '-Druntime_version=b', '-Druntime_error_message=c') as string
    await using on = await engineOn({ library: nameless })
    expect(on.engine.device.name).toBe('OAAX runtime of unknown version')
  })

  test('that uses a symbol that is nowhere is named, and the symbol', async () => {
    const path = compile('libuser.so', 'int nowhere(void); int uses(void) { return nowhere(); }')
    expect(await message(path)).toBe(
      '@/libuser.so does not load as an OAAX runtime: it uses the symbol nowhere, which neither it nor a library that it ' +
        'needs has. Install the versions of those libraries that the vendor built it with.',
    )
  })

  test('that needs a newer version of a library is named, and the version', async () => {
    const script = file('versions', 'NEW_9.9 { global: *; };')
    const path = compile(
      'libv.so',
      'int v(void) { return 1; }',
      '-Wl,-soname,libv.so',
      `-Wl,--version-script=${script}`,
    )
    const user = compile(
      'libuserofv.so',
      'int v(void); int uses(void) { return v(); }',
      path,
      rpath('$ORIGIN'),
    )
    const older = file('versions', 'OLD_1.0 { global: *; };')
    compile('libv.so', 'int v(void) { return 1; }', '-Wl,-soname,libv.so', `-Wl,--version-script=${older}`)
    expect(await message(user)).toMatch(
      /libuserofv\.so does not .* it needs version NEW_9\.9 of a library.*libv\.so/,
    )
  })

  describe('that needs a library that is missing is named, that library, and every path tried:', () => {
    const SYSTEM = "the linker's cache (/etc/ld.so.cache) and the default folders of the system"

    test.each([
      [
        'in its run path',
        ['$ORIGIN/deps', `$\{ORIGIN}/more`, '/nowhere'],
        ['@/deps', '@/more', '/nowhere'],
        '--enable-new-dtags',
      ],
      ['in its older path', ['$ORIGIN/deps', '/nowhere'], ['@/deps', '/nowhere'], '--disable-new-dtags'],
      ['nowhere that it names', [], [], '--enable-new-dtags'],
    ])('%s', async (_, folders, expanded, tags) => {
      const dependency = compile('libgone.so', 'int gone(void) { return 1; }', '-Wl,-soname,libgone.so')
      const paths = folders.length > 0 ? [rpath(folders.join(':')), `-Wl,${tags}`] : []
      const path = compile(
        'libneeds.so',
        'int gone(void); int needs(void) { return gone(); }',
        dependency,
        ...paths,
      )
      rmSync(dependency)
      expect(await message(path)).toBe(
        '@/libneeds.so does not load as an OAAX runtime: it needs the library libgone.so, which is not there; tried: ' +
          `${[...expanded.map((place) => `${place}/libgone.so`), SYSTEM].join(', ')}. Install libgone.so, or name its ` +
          'folder in LD_LIBRARY_PATH before the process starts.',
      )
    })

    test('below a library that it needs', async () => {
      const gone = compile('libgone.so', 'int gone(void) { return 1; }', '-Wl,-soname,libgone.so')
      const between = compile(
        'libbetween.so',
        'int gone(void); int b(void) { return gone(); }',
        gone,
        '-Wl,-soname,libbetween.so',
        rpath('$ORIGIN/b'),
      )
      const path = compile(
        'libtop.so',
        'int b(void); int top(void) { return b(); }',
        between,
        rpath('$ORIGIN'),
      )
      rmSync(gone)
      expect(await message(path)).toContain(
        `@/libtop.so does not load as an OAAX runtime: @/libbetween.so needs the library libgone.so, which is not there; tried: @/b/libgone.so, ${SYSTEM}.`,
      )
    })

    test('in LD_LIBRARY_PATH as it was at the start', () => {
      const gone = compile('libgone.so', 'int gone(void) { return 1; }', '-Wl,-soname,libgone.so')
      const path = compile('libneeds.so', 'int gone(void); int needs(void) { return gone(); }', gone)
      rmSync(gone)
      const entry = fileURLToPath(new URL('../dist/index.js', import.meta.url))
      const program = `import { npu } from ${JSON.stringify(entry)}
        process.env.LD_LIBRARY_PATH = '/too/late'
        npu({ library: ${JSON.stringify(path)} }).doDevices({ logger() {} }).catch((error) => console.log(error.message))`
      const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
        encoding: 'utf8',
        env: { ...process.env, LD_LIBRARY_PATH: '/one:/two' },
      })
      expect(printed).toContain('tried: /one/libgone.so, /two/libgone.so, the linker')
      expect(printed).not.toContain('/too/late')
    })

    test('by its path', async () => {
      const gone = compile('libgone.so', 'int gone(void) { return 1; }')
      const path = compile('libneeds.so', 'int gone(void); int needs(void) { return gone(); }', gone)
      rmSync(gone)
      expect(await message(path)).toContain(
        'it needs the library @/libgone.so, which is not there; tried: @/libgone.so.',
      )
    })
  })

  test.each([
    ['libbeside.so', '$ORIGIN'],
    ['libbesides.so', `$\{ORIGIN}`],
  ])('that finds %s through %s is copied there', async (name, origin) => {
    const home = mkdtempSync(join(folder, 'home-'))
    const source = file('beside.c', 'int beside(void) { return 1; }')
    const needed = join(home, name)
    execFileSync('cc', ['-shared', '-fPIC', '-o', needed, source, `-Wl,-soname,${name}`])
    const link = ['-Wl,--no-as-needed', needed, rpath(origin)]
    const path = join(home, 'libRuntimeLibrary.so')
    copyFileSync(runtime(...link) as string, path)
    {
      await using on = await engineOn({ library: path, instances: 2 })
      expect(on.engine.device.cores).toHaveLength(2)
    }
    expect(readdirSync(home).sort()).toEqual(['libRuntimeLibrary.so', name])
  })

  test('that cannot be copied says where and why', async () => {
    const home = mkdtempSync(join(folder, 'tmp-'))
    const missing = join(home, 'none')
    const begun = process.env.TMPDIR
    process.env.TMPDIR = missing
    try {
      await expect(engineOn({ library: library as string }, {}, file('net.acme', 'x'))).rejects.toMatchObject(
        {
          code: 'HAL_UNAVAILABLE',
          message: expect.stringMatching(/cannot be made in .*none: .*Make that folder writable.*TMPDIR/),
        },
      )
    } finally {
      if (begun === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = begun
    }
  })

  test('that takes no arguments is not given any', async () => {
    const plain = runtime('-DNO_ARGS') as string
    await using on = await engineOn({ library: plain })
    expect(on.engine.device.name).toBe('Test runtime 1.2')
    await expect(engineOn({ library: plain, args: { key: 'value' } })).rejects.toMatchObject({
      code: 'HAL_UNIMPLEMENTED',
      message: expect.stringMatching(/runtime_initialization_with_args.*args/),
    })
  })
})

describe('settings', () => {
  test('a missing library is a TypeError', () => {
    expect(() => npu({} as never)).toThrow(TypeError)
  })

  test.each([
    ['library', { library: 'a\0b' }],
    ['instances', { instances: 0 }],
    ['answerTimeout', { answerTimeout: Number.NaN }],
    ["'threads'", { args: { threads: { int: 1.5 } } }],
    ["'threads'", { args: { threads: 4 as never } }],
    ["'log_file'", { args: { log_file: 'a\0b' } }],
  ])('%s that cannot be is named', (name, setting) => {
    expect(() => npu({ library: 'x', ...setting })).toThrow(name)
  })
})
