// Makes the documents that a gateway serves at `/docs`: the protocol and the HTTP API for people, the descriptions for programs.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { marked } from 'marked'
import { parse } from 'yaml'

/** @param {string} root folder of the project */
export function buildDocs(root) {
  const folder = join(root, 'dist/server/docs')
  const read = (file) => readFileSync(join(root, 'shared', file), 'utf8')
  const write = (file, text) => writeFileSync(join(folder, file), text)
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, 'server/build/docs.css'), join(folder, 'docs.css'))
  const openapi = parse(read('openapi.yaml'))
  write('openapi.json', JSON.stringify(openapi, null, 2))
  write('asyncapi.json', JSON.stringify(parse(read('asyncapi.yaml')), null, 2))
  write('protocol.html', page('Protocol', marked.parse(read('PROTOCOL.md'))))
  write('index.html', page('HTTP API', httpApi(openapi)))
}

const page = (title, body) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Recall gateway</title>
<link rel="stylesheet" href="/docs/docs.css">
</head>
<body>
<nav>
<a href="/docs/">HTTP API</a>
<a href="/docs/protocol.html">Protocol of the sockets</a>
<a href="/docs/openapi.json">OpenAPI</a>
<a href="/docs/asyncapi.json">AsyncAPI</a>
<a href="/">Console</a>
</nav>
<main>${body}</main>
</body>
</html>
`

const httpApi = (openapi) => `<h1>HTTP API</h1><p>${text(openapi.info.description)}</p>
${openapi.tags.map((tag) => section(openapi, tag)).join('\n')}
<h2>Schemas</h2>
${Object.entries(openapi.components.schemas)
  .map(([name, schema]) => `<article id="${name}"><h3>${name}</h3>${json(schema)}</article>`)
  .join('\n')}`

function section(openapi, { name, description }) {
  const articles = Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(name))
      .map(([method, operation]) => article(openapi, path, method, operation)),
  )
  return `<h2>For ${name}</h2><p>${text(description)}</p>${articles.join('\n')}`
}

function article(openapi, path, method, { summary, description, parameters = [], requestBody, responses }) {
  const rows = parameters
    .map((parameter) =>
      '$ref' in parameter ? openapi.components.parameters[nameOf(parameter.$ref)] : parameter,
    )
    .map(({ name, in: place, required, schema, description: about = '' }) => {
      const what =
        '$ref' in schema ? `<a href="#${nameOf(schema.$ref)}">${nameOf(schema.$ref)}</a>` : inline(schema)
      const where = `${place}${required ? ', needed' : ''}`
      return `<tr><td><code>${name}</code></td><td>${where}</td><td>${what}</td><td>${text(about)}</td></tr>`
    })
  const [answer] = Object.values(responses)
  return `<article>
<h3><code>${method.toUpperCase()} ${path}</code></h3>
<p><strong>${text(summary)}.</strong> ${text(description ?? '')}</p>
${rows.length === 0 ? '' : `<table><tr><th>parameter</th><th>in</th><th>is</th><th></th></tr>${rows.join('')}</table>`}
${requestBody ? `<details><summary>Body</summary>${json(schemaOf(requestBody))}</details>` : ''}
<details><summary>Answer: ${text(answer.description)}</summary>${json(schemaOf(answer))}</details>
</article>`
}

const schemaOf = ({ content }) => Object.values(content)[0].schema
const nameOf = (ref) => ref.split('/').at(-1)
const json = (value) => `<pre>${escape(JSON.stringify(value, null, 2))}</pre>`
/** A simple schema in one line: its type, and then what bounds it. */
const inline = ({ type, const: only, ...bounds }) =>
  [type, only, ...Object.entries(bounds).map(([name, bound]) => `${name} ${bound}`)]
    .filter((part) => part !== undefined)
    .map((part) => `<code>${escape(String(part))}</code>`)
    .join(', ')
/** Prose, with code between backquotes. */
const text = (prose) => escape(prose).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
const escape = (raw) => raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
