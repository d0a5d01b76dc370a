// Reads the public declarations of the client with their docstrings, and renders them as the page "Client reference".
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Marked } from 'marked'
import { parseSync } from 'vite'

const marked = new Marked()

/**
 * Returns what the compiled declarations at `entry` export: name, docstring, code and members. Each member has its name, code
 * and docstring. A docstring is undefined if there is none.
 */
export function readReference(entry) {
  const modules = new Map()
  const load = (file) => {
    if (!modules.has(file)) modules.set(file, readModule(file))
    return modules.get(file)
  }
  const find = (file, name) => {
    const { declarations, reexports } = load(file)
    const found = reexports.get(name)
    return found === undefined ? declarations.get(name) : find(found, name)
  }
  const { declarations, reexports } = load(entry)
  return [...declarations.keys(), ...reexports.keys()].map((name) => ({ name, ...find(entry, name) }))
}

/** Names types that the declarations mention, but that are not among them, so that an app could not name them. */
export function unnamedTypes(declarations) {
  const names = new Set(declarations.map(({ name }) => name))
  const mentioned = new Set(declarations.flatMap(({ mentions }) => mentions))
  return [...mentioned].filter((name) => !names.has(name))
}

/** Names declarations and members without a docstring. */
export const undocumented = (declarations) =>
  declarations.flatMap(({ name, doc, members }) => [
    ...(doc === undefined ? [name] : []),
    ...members.filter((member) => member.doc === undefined).map((member) => `${name}.${member.name}`),
  ])

function readModule(file) {
  const text = readFileSync(file, 'utf8')
  const { program, comments, errors } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`)
  const imported = new Set()
  const declarations = new Map()
  const reexports = new Map()
  const docOf = ({ start }) => {
    const comment = comments.findLast(({ end }) => end <= start)
    if (!comment?.value.startsWith('*') || text.slice(comment.end, start).trim() !== '') return undefined
    return comment.value
      .slice(1)
      .replaceAll(/^ *\* ?/gm, '')
      .trim()
  }
  const codeOf = ({ start, end }) => text.slice(start, end)
  for (const statement of program.body) {
    if (statement.type === 'ImportDeclaration')
      for (const { local } of statement.specifiers) imported.add(local.name)
    if (statement.type !== 'ExportNamedDeclaration') continue
    for (const { exported } of statement.specifiers)
      reexports.set(exported.name, join(dirname(file), statement.source.value.replace(/\.js$/, '.d.ts')))
    const { declaration } = statement
    if (!declaration) continue
    const { id, body } = declaration.declarations?.[0] ?? declaration
    const list = Array.isArray(body?.body) ? body.body : []
    const members = list.filter(isPublicMember).map((member) => ({
      name: member.key.name,
      code: codeOf(member).replace(/;$/, ''),
      doc: docOf(member),
    }))
    declarations.set(id.name, {
      doc: docOf(statement),
      code: codeOf(declaration).replace(/^declare /, ''),
      /** Without its members. */
      head:
        members.length > 0
          ? text
              .slice(declaration.start, body.start)
              .replace(/^declare /, '')
              .trim()
          : '',
      members,
      mentions: typeNamesIn(declaration),
    })
  }
  return { declarations, reexports }
}

/** What is always undefined only tells the kinds of a union apart. */
const isPublicMember = ({ type, key, kind, typeAnnotation }) =>
  (type.startsWith('TS') || type === 'PropertyDefinition' || type === 'MethodDefinition') &&
  typeAnnotation?.typeAnnotation.type !== 'TSUndefinedKeyword'
    ? kind !== 'constructor' && key?.type === 'Identifier'
    : false

/** The types of the language that the declarations use. */
const BUILT_IN = new Set(['Error', 'Extract', 'Omit', 'Partial', 'Pick', 'Promise', 'Readonly', 'Record'])

function typeNamesIn(declaration) {
  const names = new Set()
  const parameters = new Set()
  const visit = (node) => {
    if (node === null || typeof node !== 'object') return
    // A constructor is called by `createRecallClient` only.
    if (node.kind === 'constructor') return
    if (node.type === 'TSTypeParameter') parameters.add(node.name.name)
    if (node.type === 'TSTypeReference' && node.typeName.type === 'Identifier') names.add(node.typeName.name)
    if (node.type === 'TSInterfaceHeritage' || node.type === 'TSClassImplements')
      names.add(node.expression.name)
    for (const value of Object.values(node)) visit(value)
  }
  visit(declaration)
  return [...names].filter((name) => !BUILT_IN.has(name) && !parameters.has(name))
}

/** Renders the declarations as HTML. `table` wraps the rows of a table. */
export function renderReference(declarations, { escape, table, codeBlock }) {
  const names = declarations.map(({ name }) => name)
  const linked = (code) =>
    escape(code).replaceAll(/\b[A-Z]\w+\b/g, (name) =>
      names.includes(name) ? `<a href="#${name}">${name}</a>` : name,
    )
  const prose = (doc = '') => marked.parse(doc, { async: false })
  const articles = declarations.map(({ name, doc, code, head, members }) => {
    const rows = members.map(
      (member) =>
        `<tr><td><code>${linked(member.code.replaceAll(/\s*\n\s*/g, ' '))}</code></td><td>${prose(member.doc)}</td></tr>`,
    )
    const details =
      rows.length === 0
        ? codeBlock(code)
        : `<p><code>${linked(head)}</code></p>${table(['member', 'meaning'], rows)}`
    return `<article><h2 id="${name}">${name}</h2>${prose(doc)}${details}</article>`
  })
  const introduction =
    'What <code>recall-gateway-client</code> and <code>/client.js</code> export, generated from the types.'
  const body = `<h1>Client reference</h1><p>${introduction}</p>${articles.join('\n')}`
  return { body, sections: names.map((name) => ({ id: name, html: name })), images: [] }
}
