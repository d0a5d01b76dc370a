import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { Deployment, StatefulSet } from 'kubernetes-types/apps/v1.js'
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js'
import type { ConfigMap, Container, PodTemplateSpec, Secret, Service } from 'kubernetes-types/core/v1.js'
import type { Ingress, NetworkPolicy } from 'kubernetes-types/networking/v1.js'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js'
import { parse, parseAllDocuments } from 'yaml'
import { STOP_GRACE_MS } from '../../server/cli/start.ts'
import { configSchema } from '../../server/config/config.ts'
import { readConfig } from '../../server/config/read-config.ts'
import { SECRET_SETTINGS } from '../../server/config/secrets.ts'
import * as limits from '../../shared/limits.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { programPath } from '../support/programs.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const FOLDER = join(ROOT, 'server/deploy/kubernetes')
/** What is built on the manifests, for another cluster or controller. */
const OVERLAYS = ['openshift', 'haproxy-ingress'] as const
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
/** Where the type of each kind is. */
const MODULES: Readonly<Record<string, string>> = {
  v1: 'core/v1',
  'apps/v1': 'apps/v1',
  'autoscaling/v2': 'autoscaling/v2',
  'networking.k8s.io/v1': 'networking/v1',
  'policy/v1': 'policy/v1',
}

interface Resource {
  readonly file: string
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
}

const kustomization = parse(readFileSync(join(FOLDER, 'kustomization.yaml'), 'utf8')) as {
  readonly namespace: string
  readonly resources: readonly string[]
  readonly images: readonly { readonly name: string }[]
}
const read = (file: string): Resource[] =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors.join()}`)
    return { file, ...(document.toJS() as Omit<Resource, 'file'>) }
  })
const resources = kustomization.resources.flatMap(read)

interface Patch {
  readonly kind: string
  readonly name: string
  readonly op: string
  readonly path: string
  readonly value?: unknown
}

/** Returns the folders that an overlay is built on, and what it changes. */
function overlay(name: (typeof OVERLAYS)[number]): { base: string[]; patches: Patch[] } {
  const folder = join(ROOT, 'server/deploy', name)
  const { resources: base, patches } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as {
    readonly resources: readonly string[]
    readonly patches: readonly { readonly target: Pick<Patch, 'kind' | 'name'>; readonly patch: string }[]
  }
  return {
    base: base.map((path) => join(folder, path)),
    patches: patches.flatMap(({ target, patch }) =>
      (parse(patch) as Omit<Patch, 'kind' | 'name'>[]).map((one) => ({ ...target, ...one })),
    ),
  }
}
const [secret] = read('secret.example.yaml') as unknown as Secret[]

/** Returns the resource of a kind. */
function only<Kind>(kind: string, name: string): Kind {
  const found = resources.filter((one) => one.kind === kind && one.metadata.name === name)
  expect(found, `${kind} ${name}`).to.have.lengthOf(1)
  return found[0] as unknown as Kind
}

const receivers = only<StatefulSet>('StatefulSet', 'recall-gateway-receiver')
const nodes = only<Deployment>('Deployment', 'recall-gateway-node')
const settings = only<ConfigMap>('ConfigMap', 'recall-gateway').data ?? {}
const workloads = [
  { name: 'recall-gateway-receiver', template: receivers.spec?.template as PodTemplateSpec },
  { name: 'recall-gateway-node', template: nodes.spec?.template as PodTemplateSpec },
]
const containerOf = ({ spec }: PodTemplateSpec): Container => {
  const [container] = spec?.containers ?? []
  if (container === undefined) throw new Error('there is no container')
  return container
}
const environmentOf = (template: PodTemplateSpec) => containerOf(template).env ?? []

/** The settings that a process gets, with secrets filled in. */
function configOf(template: PodTemplateSpec) {
  const filled: Readonly<Record<string, string>> = {
    WEBHOOK_TOKEN: 'token',
    JWT_SECRET: 'a-secret-of-at-least-32-characters',
    EVIDENCE_KEY: `${'A'.repeat(43)}=`,
    REDIS_URL: 'rediss://gateway:password@redis.example.com:6379',
  }
  const own = environmentOf(template).map(({ name, value }) => [name, value ?? filled[name] ?? ''])
  return readConfig({ ...settings, ...(Object.fromEntries(own) as Record<string, string>) })
}

describe('the manifests for Kubernetes', () => {
  let gateway: GatewayProcess
  before(async () => void (gateway = await startGatewayProcess()))
  after(() => gateway.stop())

  it('have only fields that Kubernetes has, of the right types', async () => {
    const folder = temporaryFolder()
    const lines = [...resources, secret as unknown as Resource].map(({ file, ...resource }, i) => {
      const { apiVersion, kind } = resource
      const path = MODULES[apiVersion]
      if (path === undefined) throw new Error(`${apiVersion} of ${file} is not known`)
      return `import type { ${kind} as T${i} } from 'kubernetes-types/${path}.js'
export const r${i}: T${i} = ${JSON.stringify(resource)}`
    })
    writeFileSync(join(folder.path, 'resources.ts'), lines.join('\n'))
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'es2022',
      module: 'nodenext',
      moduleResolution: 'nodenext',
      types: [],
      paths: { 'kubernetes-types/*': [join(ROOT, 'test/node_modules/kubernetes-types/*')] },
    }
    writeFileSync(
      join(folder.path, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['resources.ts'] }),
    )
    const output = await promisify(execFile)(process.execPath, [TSC, '-p', folder.path]).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    )
    folder.remove()
    expect(output).to.equal('')
  })

  it('are all named by kustomization.yaml, but for the example of the Secret', () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'))
    expect(files).to.have.members([...kustomization.resources, 'kustomization.yaml', 'secret.example.yaml'])
    const namespaces = resources
      .filter(({ kind }) => kind === 'Namespace')
      .map(({ metadata }) => metadata.name)
    expect(namespaces).to.deep.equal([kustomization.namespace])
    for (const { template } of workloads)
      expect(kustomization.images.map(({ name }) => name)).to.include(containerOf(template).image)
  })

  for (const name of OVERLAYS)
    it(`have all that ${name} changes`, () => {
      const { base, patches } = overlay(name)
      // Kustomize refuses a base that contains what is built on it.
      expect(base).to.deep.equal([FOLDER])
      for (const { kind, name: target, op, path } of patches) {
        const keys = path.split('/').map((key) => key.replaceAll('~1', '/'))
        let at: unknown = only(kind, target)
        for (const key of keys.slice(1, op === 'add' ? -1 : undefined))
          at = (at as Record<string, unknown> | undefined)?.[key]
        expect(at, path).to.not.equal(undefined)
      }
      const ingresses = patches.filter(({ path }) => path === '/spec/ingressClassName')
      expect(ingresses.map((one) => one.name)).to.have.members(workloads.map((one) => one.name))
    })

  it('give HAProxy what it understands, with times of the gateway', async () => {
    const folder = temporaryFolder()
    const { patches } = overlay('haproxy-ingress')
    for (const [name, readS] of [
      ['recall-gateway-node', limits.silenceAfter(limits.MAX_HEARTBEAT_S)],
      ['recall-gateway-receiver', limits.RETRYABLE_FAILURE_MS / 1_000],
    ] as const) {
      const found = patches.find((one) => one.name === name && one.path === '/metadata/annotations')
      const annotations = found?.value as Readonly<Record<string, string>>
      expect(Number.parseInt(annotations['haproxy.org/timeout-server'] ?? '')).to.be.above(readS)
      const snippet = annotations['haproxy.org/backend-config-snippet'] ?? ''
      const file = join(folder.path, name)
      const lines = [
        'mode http',
        'bind 127.0.0.1:1',
        'timeout client 90s',
        'timeout server 90s',
        ...snippet.trim().split('\n'),
        'server one 127.0.0.1:8080',
      ]
      writeFileSync(file, `listen ${name}\n  ${lines.join('\n  ')}\n`)
      await promisify(execFile)(programPath('haproxy'), ['-c', '-f', file])
      // Tencent tries again only what got no response for so long.
      const tarpit = /^timeout tarpit (\d+)ms$/m.exec(snippet)?.[1]
      if (name === 'recall-gateway-receiver')
        expect(Number(tarpit)).to.be.at.least(limits.RETRYABLE_FAILURE_MS)
      else expect(snippet).to.include('disable-l7-retry unless METH_GET')
    }
    folder.remove()
  })

  it('give OpenShift the choice of user and group', () => {
    expect(overlay('openshift').patches.map(({ path }) => path)).to.include(
      '/spec/template/spec/securityContext/fsGroup',
    )
    for (const { template } of workloads) {
      expect(template.spec?.securityContext?.runAsUser).to.equal(undefined)
      expect(containerOf(template).securityContext?.runAsUser).to.equal(undefined)
    }
  })

  for (const { name, template } of workloads) {
    const { spec } = template
    const container = containerOf(template)

    describe(name, () => {
      it('gets settings that exist, are valid and suffice', () => {
        const known = Object.keys(configSchema.describe().keys as object)
        const names = [...environmentOf(template).map((one) => one.name), ...Object.keys(settings)]
        expect(known).to.include.members(names)
        expect(new Set(names).size).to.equal(names.length)
        expect(configOf(template).ROLE).to.equal(name.split('-').at(-1))
        expect(configOf(template).PORT).to.equal(container.ports?.[0]?.containerPort)
      })

      it('gets secrets from the Secret alone', () => {
        const secrets = environmentOf(template).filter(({ value }) => value === undefined)
        expect(secrets.length).to.be.above(0)
        for (const one of secrets) {
          expect(one.valueFrom?.secretKeyRef).to.deep.equal({ name: secret?.metadata?.name, key: one.name })
          expect(secret?.stringData).to.have.property(one.name, '')
        }
        for (const one of SECRET_SETTINGS) expect(settings).to.not.have.property(one)
        for (const { name: set, value } of environmentOf(template))
          if (SECRET_SETTINGS.includes(set)) expect(value).to.equal(undefined)
      })

      it('has probes that the process answers, and that wait for what is on its disk', async () => {
        const { startupProbe, livenessProbe, readinessProbe } = container
        for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
          const { path, port } = probe?.httpGet ?? {}
          expect(container.ports?.find((one) => one.name === port)?.containerPort).to.equal(8080)
          expect((await fetch(`${gateway.url}${path}`)).status, path).to.equal(200)
        }
        expect(livenessProbe?.httpGet?.path).to.equal('/livez')
        expect(readinessProbe?.httpGet?.path).to.equal('/readyz')
        const { periodSeconds = 0, failureThreshold = 0 } = startupProbe ?? {}
        expect(periodSeconds * failureThreshold).to.equal(120)
      })

      it('has time to stop: for preStop, the drain and what follows it', () => {
        const [command, seconds] = container.lifecycle?.preStop?.exec?.command ?? []
        expect(command).to.equal('sleep')
        // Until readiness has failed twice, and all proxies know.
        expect(Number(seconds)).to.be.at.least(5)
        const stopS = (configOf(template).DRAIN_MS + STOP_GRACE_MS) / 1_000
        expect(spec?.terminationGracePeriodSeconds).to.be.above(Number(seconds) + stopS)
      })

      it('may do no more than it must', () => {
        expect(spec?.automountServiceAccountToken).to.equal(false)
        expect(spec?.enableServiceLinks).to.equal(false)
        expect(spec?.securityContext).to.deep.include({
          runAsNonRoot: true,
          seccompProfile: { type: 'RuntimeDefault' },
        })
        expect(container.securityContext).to.deep.equal({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(container.resources?.limits?.['memory']).to.be.a('string')
        // Otherwise Kubernetes cannot tell that the user of the image is not root.
        expect(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).to.match(/^USER [1-9]\d*$/m)
      })

      it('is found by its Service, its budget and the network policy, and spread', () => {
        const labels = template.metadata?.labels ?? {}
        const services = resources.filter(
          (one) => one.kind === 'Service' && one.metadata.name.startsWith(name),
        ) as unknown as Service[]
        const budget = only<PodDisruptionBudget>('PodDisruptionBudget', name)
        const policy = only<NetworkPolicy>('NetworkPolicy', 'recall-gateway')
        const spread = spec?.topologySpreadConstraints ?? []
        expect(services.length).to.be.above(0)
        for (const selector of [
          ...services.map((one) => one.spec?.selector),
          budget.spec?.selector?.matchLabels,
          policy.spec?.podSelector?.matchLabels,
          ...spread.map((one) => one.labelSelector?.matchLabels),
        ])
          expect(labels).to.include(selector)
        expect(spread.map(({ topologyKey }) => topologyKey)).to.deep.equal([
          'topology.kubernetes.io/zone',
          'kubernetes.io/hostname',
        ])
      })
    })
  }

  it('give each receiver a volume of its own that is kept, where its data is', () => {
    const [claim] = receivers.spec?.volumeClaimTemplates ?? []
    const mounts = containerOf(receivers.spec?.template as PodTemplateSpec).volumeMounts ?? []
    const { DATA_DIR, SPOOL_MAX_BYTES, RELAY_QUEUE_MAX_BYTES, QUARANTINE_MAX_BYTES } = configOf(
      receivers.spec?.template as PodTemplateSpec,
    )
    expect(mounts.find(({ mountPath }) => mountPath === DATA_DIR)?.name).to.equal(claim?.metadata?.name)
    const storage = /^(\d+)Gi$/.exec(String(claim?.spec?.resources?.requests?.['storage']))?.[1]
    expect(Number(storage) * 1024 ** 3).to.be.above(
      SPOOL_MAX_BYTES + RELAY_QUEUE_MAX_BYTES + QUARANTINE_MAX_BYTES,
    )
    only<Service>('Service', receivers.spec?.serviceName ?? '')
  })

  it('let Prometheus find all processes, as a job that the alerts ask for', () => {
    const monitor = parse(readFileSync(join(FOLDER, 'monitoring/pod-monitor.yaml'), 'utf8')) as {
      metadata: { namespace: string }
      spec: {
        jobLabel: string
        selector: { matchLabels: Record<string, string> }
        podMetricsEndpoints: { port: string; path: string }[]
      }
    }
    const [own] = parse(readFileSync(join(FOLDER, 'monitoring/scrape-config.yml'), 'utf8')) as {
      job_name: string
      kubernetes_sd_configs: { namespaces: { names: string[] } }[]
      relabel_configs: { regex: string }[]
    }[]
    const rules = readFileSync(join(ROOT, 'server/deploy/prometheus-rules.yml'), 'utf8')
    const asked = [...rules.matchAll(/job=~"([^"]+)"/g)].map(
      ([, pattern = '']) => new RegExp(`^(?:${pattern})$`),
    )
    expect(asked.length).to.be.above(0)
    expect(monitor.metadata.namespace).to.equal(kustomization.namespace)
    expect(own?.kubernetes_sd_configs[0]?.namespaces.names).to.deep.equal([kustomization.namespace])
    for (const { template } of workloads) {
      const { labels = {} } = template.metadata ?? {}
      const [port] = containerOf(template).ports ?? []
      expect(labels).to.include(monitor.spec.selector.matchLabels)
      expect(monitor.spec.podMetricsEndpoints[0]).to.include({ port: port?.name, path: '/metrics' })
      expect(own?.relabel_configs[0]?.regex).to.equal(`${labels['app.kubernetes.io/part-of']};${port?.name}`)
      for (const pattern of asked)
        for (const job of [labels[monitor.spec.jobLabel], own?.job_name]) expect(job).to.match(pattern)
    }
  })

  it('give the operator of Prometheus all rules, found by the labels that its own chart asks for', async () => {
    const [command = ''] =
      /\{ cat .* \| kubectl apply -f -/.exec(readFileSync(join(ROOT, 'server/docs/deployment.md'), 'utf8')) ??
      []
    const { stdout } = await promisify(execFile)('sh', ['-c', command.replace('kubectl apply -f -', 'cat')], {
      cwd: ROOT,
    })
    const rule = parse(stdout) as Resource & { metadata: { labels: object }; spec: object }
    expect(rule).to.include({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule' })
    expect(rule.spec).to.deep.equal(
      parse(readFileSync(join(ROOT, 'server/deploy/prometheus-rules.yml'), 'utf8')),
    )
    const monitor = readFileSync(join(FOLDER, 'monitoring/pod-monitor.yaml'), 'utf8')
    for (const { metadata } of [rule, parse(monitor) as typeof rule])
      expect(metadata).to.deep.include({
        namespace: kustomization.namespace,
        labels: { release: 'kube-prometheus-stack' },
      })
  })

  it('replace nodes one by one, the new one first, and scale them by sockets and processor', () => {
    expect(nodes.spec?.strategy?.rollingUpdate).to.deep.equal({ maxSurge: 1, maxUnavailable: 0 })
    const { spec } = only<HorizontalPodAutoscaler>('HorizontalPodAutoscaler', 'recall-gateway-node')
    expect(spec?.scaleTargetRef).to.include({ kind: 'Deployment', name: 'recall-gateway-node' })
    expect(nodes.spec).to.not.have.property('replicas')
    const { MAX_SOCKETS } = configOf(nodes.spec?.template as PodTemplateSpec)
    const perNode = Number(spec?.metrics?.[0]?.pods?.target.averageValue)
    // The others can take those of one that goes.
    expect(perNode).to.be.at.most(MAX_SOCKETS * (1 - 1 / (spec?.minReplicas ?? 1)))
    const metric = spec?.metrics?.[0]?.pods?.metric.name ?? ''
    expect(readFileSync(join(ROOT, 'server/telemetry/gauges.ts'), 'utf8')).to.include(
      metric.replace('recall_gateway_', ''),
    )
  })

  it('lead each path to the processes that serve it, with times and sizes of the gateway', () => {
    for (const [name, path, body, readS] of [
      ['recall-gateway-node', '/', limits.MAX_REQUEST_BYTES, limits.silenceAfter(limits.MAX_HEARTBEAT_S)],
      [
        'recall-gateway-receiver',
        configOf(workloads[0]?.template ?? {}).WEBHOOK_PATH,
        limits.MAX_WEBHOOK_BYTES,
        limits.RETRYABLE_FAILURE_MS / 1_000,
      ],
    ] as const) {
      const { metadata, spec } = only<Ingress>('Ingress', name)
      const [served] = (spec?.rules?.[0]?.http?.paths ?? []).filter((one) => one.path !== '/metrics')
      expect(served?.path).to.equal(path)
      expect(served?.backend.service).to.deep.equal({ name, port: { name: 'http' } })
      const annotation = (key: string) => metadata?.annotations?.[`nginx.ingress.kubernetes.io/${key}`]
      expect(annotation('proxy-body-size')).to.equal(`${body / 1024}k`)
      expect(Number(annotation('proxy-read-timeout'))).to.be.above(readS)
      expect(annotation('proxy-next-upstream')).to.not.include('503')
    }
  })

  it('lead /metrics to nobody, and names to servers at either port', () => {
    const { spec } = only<Ingress>('Ingress', 'recall-gateway-node')
    const hidden = spec?.rules?.[0]?.http?.paths.find(({ path }) => path === '/metrics')
    const { selector } = only<Service>('Service', hidden?.backend.service?.name ?? '').spec ?? {}
    for (const { template } of workloads) expect(template.metadata?.labels).to.not.include(selector)
    const { egress = [] } = only<NetworkPolicy>('NetworkPolicy', 'recall-gateway').spec ?? {}
    const names = egress.find(({ ports = [] }) => ports.some(({ port }) => port === 53))
    expect(names?.ports?.map(({ port, protocol }) => `${protocol} ${port}`)).to.have.members([
      'UDP 53',
      'TCP 53',
      'UDP 5353',
      'TCP 5353',
    ])
  })
})
