// Compresses what browsers load, once instead of for each request: `server/http/precompressed.ts` serves the result.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** Pictures are compressed already. */
const COMPRESSIBLE = ['.css', '.html', '.js', '.json', '.svg']
/** The best one, 11, takes more than twice as long, and saves 2 %. */
const BROTLI_QUALITY = 10

const ENCODINGS = {
  br: (bytes) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gzip: (bytes) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
}

/** Writes a file of `folder/name` that becomes smaller to `folder/<encoding>/name` too. */
export async function compressFolder(folder, name) {
  const files = readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' })
  const tasks = files
    .filter((file) => COMPRESSIBLE.includes(extname(file)))
    .flatMap((file) =>
      Object.entries(ENCODINGS).map(async ([encoding, compress]) => {
        const bytes = readFileSync(join(folder, name, file))
        const compressed = await compress(bytes)
        if (compressed.length >= bytes.length) return
        const to = join(folder, encoding, name, file)
        mkdirSync(dirname(to), { recursive: true })
        writeFileSync(to, compressed)
      }),
    )
  await Promise.all(tasks)
}
