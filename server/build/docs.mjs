// Builds the documents that every node serves at `/docs`: pages for people, OpenAPI and AsyncAPI descriptions for programs.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Marked } from 'marked'
import { parse } from 'yaml'
import { readReference, renderReference } from './reference.mjs'

/** The one list of served documents, in the order of the navigation. A page with `render` is generated. */
const GROUPS = [
  { title: 'Start', pages: [{ file: 'index.html', title: 'Overview', source: 'README.md' }] },
  {
    title: 'Clients',
    pages: [
      { file: 'clients.html', title: 'Clients', source: 'shared/CLIENTS.md' },
      // Links to its source, which is what there is outside `/docs`, lead to the page.
      {
        file: 'client-reference.html',
        title: 'Client reference',
        source: 'shared/client.ts',
        render: (root) => clientReference(root),
      },
      { file: 'http-api.html', title: 'HTTP API', render: (root) => httpApi(readOpenApi(root)) },
      { file: 'protocol.html', title: 'Protocol', source: 'shared/PROTOCOL.md' },
      { file: 'authentication.html', title: 'Authentication', source: 'server/docs/authentication.md' },
    ],
  },
  {
    title: 'Moderators',
    pages: [
      { file: 'moderating.html', title: 'Moderating', source: 'server/docs/moderating.md' },
      { file: 'console.html', title: 'Console', source: 'server/console/README.md' },
      { file: 'searching.html', title: 'Searching', source: 'server/docs/searching.md' },
      { file: 'evidence.html', title: 'Evidence', source: 'server/docs/evidence.md' },
    ],
  },
  {
    title: 'Operation',
    pages: [
      { file: 'deployment.html', title: 'Deployment', source: 'server/docs/deployment.md' },
      { file: 'commands.html', title: 'Commands', source: 'server/docs/commands.md' },
      { file: 'adopting.html', title: 'Adopting', source: 'server/docs/adopting.md' },
      { file: 'relay.html', title: 'Relay', source: 'server/docs/relay.md' },
      { file: 'configuration.html', title: 'Configuration', source: 'server/docs/configuration.md' },
      { file: 'redis.html', title: 'Redis', source: 'server/docs/redis.md' },
      { file: 'operations.html', title: 'Operations', source: 'server/docs/operations.md' },
      { file: 'health.html', title: 'Health', source: 'server/docs/health.md' },
      { file: 'data-folder.html', title: 'Data folder', source: 'server/docs/data-folder.md' },
      { file: 'quarantine.html', title: 'Quarantine', source: 'server/docs/quarantine.md' },
      { file: 'metrics.html', title: 'Metrics', source: 'server/docs/metrics.md' },
      { file: 'tracing.html', title: 'Tracing', source: 'server/docs/tracing.md' },
      { file: 'limits.html', title: 'Limits', source: 'server/docs/limits.md' },
    ],
  },
  {
    title: 'Background',
    pages: [
      { file: 'security.html', title: 'Security', source: 'SECURITY.md' },
      { file: 'performance.html', title: 'Performance', source: 'PERFORMANCE.md' },
      { file: 'architecture.html', title: 'Architecture', source: 'ARCHITECTURE.md' },
      { file: 'contributing.html', title: 'Contributing', source: 'CONTRIBUTING.md' },
      { file: 'changelog.html', title: 'Changelog', source: 'CHANGELOG.md' },
    ],
  },
]

const PAGES = GROUPS.flatMap(({ pages }) => pages)

/** @param {string} root folder of the project */
export function buildDocs(root) {
  const folder = join(root, 'dist/server/docs')
  const read = (file) => readFileSync(join(root, file), 'utf8')
  const write = (file, text) => writeFileSync(join(folder, file), text)
  const copy = (file, to = basename(file)) => cpSync(join(root, file), join(folder, to))
  mkdirSync(folder, { recursive: true })
  copy('server/build/docs.css')
  copy('server/console/icon.svg')
  write('openapi.json', JSON.stringify(readOpenApi(root), null, 2))
  write('asyncapi.json', JSON.stringify(parse(read('shared/asyncapi.yaml')), null, 2))
  for (const page of PAGES) {
    const { body, sections, images } = page.render?.(root) ?? renderMarkdown(page.source, read(page.source))
    for (const image of images) copy(image, `images/${basename(image)}`)
    write(page.file, layOut(page, body, sections))
  }
}

const readOpenApi = (root) => parse(readFileSync(join(root, 'shared/openapi.yaml'), 'utf8'))

const clientReference = (root) =>
  renderReference(readReference(join(root, 'dist/client-package/esm/client.d.ts')), {
    escape,
    codeBlock,
    table: (columns, rows) =>
      `${TABLE_START}<tr>${columns.map((column) => `<th>${column}</th>`).join('')}</tr>${rows.join('')}${TABLE_END}`,
  })

const layOut = ({ file, title }, body, sections) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Recall gateway</title>
<link rel="icon" href="icon.svg">
<link rel="stylesheet" href="docs.css">
</head>
<body>
<nav aria-label="Documents">
<p class="brand"><a href="./">Recall gateway</a></p>
${GROUPS.map((group) => navigationGroup(group, file, sections)).join('\n')}
<h2>For programs</h2>
<ul><li><a href="openapi.json">OpenAPI</a></li><li><a href="asyncapi.json">AsyncAPI</a></li></ul>
<p><a href="../">Open the console</a></p>
</nav>
<main>${body}</main>
</body>
</html>
`

function navigationGroup({ title, pages }, current, sections) {
  const entries = pages.map(({ file, title: name }) => {
    const isCurrent = file === current
    const link = `<a href="${hrefOf(file)}"${isCurrent ? ' aria-current="page"' : ''}>${name}</a>`
    return `<li>${link}${isCurrent ? sectionList(sections) : ''}</li>`
  })
  return `<h2>${title}</h2><ul>${entries.join('')}</ul>`
}

const sectionList = (sections) =>
  sections.length < 2
    ? ''
    : `<ul class="sections">${sections.map(({ id, html }) => `<li><a href="#${id}">${html}</a></li>`).join('')}</ul>`

const hrefOf = (file) => (file === 'index.html' ? './' : file)

/** Renders a document as HTML. Links to other documents become links to their pages; links to unserved files become text. */
function renderMarkdown(source, markdown) {
  const idOf = createIds()
  const sections = []
  const images = []
  const resolve = (href) => join(dirname(source), href)
  const renderer = {
    heading({ tokens, depth }) {
      const html = this.parser.parseInline(tokens)
      const id = idOf(this.parser.parseInline(tokens, this.parser.textRenderer))
      if (depth === 2) sections.push({ id, html })
      return `<h${depth} id="${id}">${html}</h${depth}>\n`
    },
    link({ href, tokens }) {
      const html = this.parser.parseInline(tokens)
      const target = pageHref(href, resolve)
      return target === undefined ? html : `<a href="${target}">${html}</a>`
    },
    image({ href, text: alt }) {
      images.push(resolve(href))
      return `<img src="images/${basename(href)}" alt="${escape(alt)}">`
    },
    code: ({ text: code }) => codeBlock(code),
  }
  const marked = new Marked({ renderer })
  const body = marked.parse(markdown).replaceAll('<table>', TABLE_START).replaceAll('</table>', TABLE_END)
  return { body, sections, images }
}

/** Returns the link to use in a page for a link in a document; undefined if its target is not served. */
function pageHref(href, resolve) {
  if (/^(https?:|#)/.test(href)) return href
  const [path, fragment] = href.split('#')
  const page = PAGES.find(({ source }) => source === resolve(path))
  return page && `${hrefOf(page.file)}${fragment === undefined ? '' : `#${fragment}`}`
}

/** Gives headings the ids that GitHub gives them, so that one link works in both places. */
function createIds() {
  const uses = new Map()
  return (heading) => {
    const id = heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-')
    const earlier = uses.get(id) ?? 0
    uses.set(id, earlier + 1)
    return earlier === 0 ? id : `${id}-${earlier}`
  }
}

// A wide table scrolls on its own, with the keyboard too.
const TABLE_START = '<div class="table" role="group" aria-label="Table" tabindex="0"><table>'
const TABLE_END = '</table></div>'

const codeBlock = (code) => `<pre tabindex="0"><code>${escape(code)}</code></pre>`

function httpApi(openapi) {
  const idOf = createIds()
  const sections = []
  const heading = (title) => {
    const id = idOf(title)
    sections.push({ id, html: title })
    return `<h2 id="${id}">${title}</h2>`
  }
  const groups = openapi.tags.map(({ name, description }) => {
    const articles = Object.entries(openapi.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, operation]) => operation.tags.includes(name))
        .map(([method, operation]) => article(openapi, idOf, path, method, operation)),
    )
    const title = `${name[0].toUpperCase()}${name.slice(1)}`
    return `${heading(title)}<p>${text(description)}</p>${articles.join('\n')}`
  })
  const schemas = Object.entries(openapi.components.schemas).map(
    ([name, schema]) => `<article><h3 id="${name}">${name}</h3>${json(schema)}</article>`,
  )
  const body = `<h1>HTTP API</h1><p>${text(openapi.info.description)}</p>
${groups.join('\n')}
${heading('Schemas')}
${schemas.join('\n')}`
  return { body, sections, images: [] }
}

function article(
  openapi,
  idOf,
  path,
  method,
  { summary, description = '', parameters = [], requestBody, responses },
) {
  const rows = parameters
    .map((parameter) =>
      '$ref' in parameter ? openapi.components.parameters[nameOf(parameter.$ref)] : parameter,
    )
    .map(({ name, in: place, required, schema, description: about = '' }) => {
      const type =
        '$ref' in schema ? `<a href="#${nameOf(schema.$ref)}">${nameOf(schema.$ref)}</a>` : inline(schema)
      const where = `${place}${required ? ', required' : ''}`
      return `<tr><td><code>${name}</code></td><td>${where}</td><td>${type}</td><td>${text(about)}</td></tr>`
    })
  const [response] = Object.values(responses)
  const title = `${method.toUpperCase()} ${path}`
  return `<article>
<h3 id="${idOf(title)}"><code>${title}</code></h3>
<p><strong>${text(summary)}.</strong> ${text(description)}</p>
${rows.length === 0 ? '' : `${TABLE_START}<tr><th>parameter</th><th>in</th><th>type</th><th>meaning</th></tr>${rows.join('')}${TABLE_END}`}
${requestBody ? `<details><summary>Body</summary>${json(schemaOf(requestBody))}</details>` : ''}
<details><summary>Response: ${text(response.description)}</summary>${json(schemaOf(response))}</details>
</article>`
}

const schemaOf = ({ content }) => Object.values(content)[0].schema
const nameOf = (ref) => ref.split('/').at(-1)
const json = (value) => codeBlock(JSON.stringify(value, null, 2))
/** Renders a simple schema on one line: its type, then its bounds. */
const inline = ({ type, const: only, ...bounds }) =>
  [type, only, ...Object.entries(bounds).map(([name, bound]) => `${name} ${bound}`)]
    .filter((part) => part !== undefined)
    .map((part) => `<code>${escape(String(part))}</code>`)
    .join(', ')
/** Renders prose with code between backquotes. */
const text = (prose) => escape(prose).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
const escape = (raw) =>
  raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
