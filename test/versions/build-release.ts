import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LAST_RELEASE } from './last-release.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** In `dist`, so that a release is built again with everything else, and finds the packages that are installed here. */
const RELEASES = join(ROOT, 'dist/releases')

/** A release that has been built. */
export interface Release {
  /** Its command line. */
  readonly main: string
  /** Its client library, as a URL to import. */
  readonly client: string
}

/** Returns why the last release cannot be built from this checkout; undefined if it can. */
export async function whyNoRelease(commit = LAST_RELEASE, root = ROOT): Promise<string | undefined> {
  try {
    // Not of a repository that this folder merely lies in.
    const { stdout } = await run('git', ['-C', root, 'rev-parse', '--show-prefix', `${commit}^{commit}`])
    if (stdout.split('\n')[0] === '') return undefined
  } catch {
    // Told below: no git, no repository, or not this commit.
  }
  return `the history of this checkout does not contain the last release, ${commit.slice(0, 7)}: clone it whole (git fetch --unshallow)`
}

/** Builds the server and the client library of the last release, unless that is done. Takes about 4 s. */
export async function buildLastRelease(): Promise<Release> {
  const folder = join(RELEASES, LAST_RELEASE)
  if (!existsSync(folder)) {
    mkdirSync(RELEASES, { recursive: true })
    const unfinished = mkdtempSync(join(RELEASES, 'unfinished-'))
    await build(unfinished)
    renameSync(unfinished, folder)
  }
  return {
    main: join(folder, 'dist/server/main.js'),
    client: new URL(`file://${join(folder, 'dist/shared/client.js')}`).href,
  }
}

async function build(folder: string): Promise<void> {
  const archive = join(folder, 'release.tar')
  const files = ['server', 'shared', 'package.json', 'package-lock.json', 'tsconfig.json']
  await run('git', ['-C', ROOT, 'archive', '--output', archive, LAST_RELEASE, ...files])
  await run('tar', ['-xf', archive, '-C', folder])
  rmSync(archive)
  if (!hasPackagesOf(folder))
    await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder })
  // Its own checks have passed when it was published, and would need the types of its packages.
  const config = {
    extends: './tsconfig.json',
    compilerOptions: { noCheck: true, types: [], declaration: false },
    include: ['server', 'shared'],
    exclude: ['server/console'],
  }
  writeFileSync(join(folder, 'tsconfig.release.json'), JSON.stringify(config))
  const compiler = createRequire(import.meta.url).resolve('typescript/package.json')
  await run(process.execPath, [join(dirname(compiler), 'bin/tsc'), '-p', 'tsconfig.release.json'], {
    cwd: folder,
  })
  const scripts = readdirSync(join(folder, 'server'), { recursive: true, encoding: 'utf8' })
  for (const script of scripts.filter((name) => name.endsWith('.lua')))
    cpSync(join(folder, 'server', script), join(folder, 'dist/server', script))
}

/** Whether each package that the release runs with is installed here, in the same version. */
function hasPackagesOf(folder: string): boolean {
  const versions = manifest(folder).dependencies ?? {}
  return Object.entries(versions).every(([name, version]) => {
    const installed = join(ROOT, 'node_modules', name)
    return existsSync(installed) && manifest(installed).version === version
  })
}

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const manifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
