import fs from 'node:fs'
import { register, syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Patched } from './patched.ts'

// Imported before anything else by a process that runs the project with a defect. The defect is in the environment, because
// two processes may run with two of them.

const patched = JSON.parse(process.env['DEFECT'] ?? '[]') as readonly Patched[]

const modules = patched.filter(({ url }) => url.endsWith('.js'))
const hooks = `
  const modules = new Map(${JSON.stringify(modules.map(({ url, text }) => [url, text]))})
  export async function load(url, context, next) {
    const source = modules.get(url)
    return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true }
  }`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)

const files = new Map(patched.map(({ url, text }) => [fileURLToPath(url), text]))
const { readFileSync } = fs
Object.assign(fs, {
  readFileSync(file: fs.PathOrFileDescriptor, ...options: []) {
    const path = file instanceof URL ? fileURLToPath(file) : file
    const text = typeof path === 'string' ? files.get(path) : undefined
    return text ?? readFileSync(file, ...options)
  },
})
syncBuiltinESMExports()
