import Joi from 'joi'
import { otlpHeaders, requestUrl, SECRET, serviceName } from './setting-types.ts'
import type { Config } from './settings.ts'

/** The one way in which spans can be sent. */
export const OTLP_PROTOCOL = 'http/json'

/**
 * Where no spans are sent, whatever a platform has set there for other programs: addresses of gRPC need no scheme, some samplers take
 * other arguments than a share, and a gateway that does not start takes no webhooks.
 */
const whereSent = (schema: Joi.Schema, otherwise: Joi.Schema): Joi.Schema =>
  Joi.any().when('OTEL_EXPORTER_OTLP_PROTOCOL', { is: OTLP_PROTOCOL, then: schema, otherwise })

const IGNORED = Joi.any().empty(Joi.any())

const withEndpoint = (schema: Joi.Schema): Joi.Schema =>
  whereSent(
    Joi.any().when('OTEL_EXPORTER_OTLP_ENDPOINT', { is: Joi.exist(), then: schema, otherwise: IGNORED }),
    IGNORED,
  )

/**
 * Where spans go, named as OpenTelemetry names it. Platforms set such variables for all programs alike, so none is refused for having no
 * effect without the endpoint.
 */
export const tracingSettings: Joi.PartialSchemaMap<Config> = {
  OTEL_EXPORTER_OTLP_ENDPOINT: whereSent(
    requestUrl('https', 'http').pattern(/^[^?#]*$/, 'a URL without ? and #'),
    Joi.string(),
  ).description(
    'URL of an OpenTelemetry collector, such as `http://localhost:4318`, to which spans are posted at `v1/traces` below it. Default: no spans',
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: Joi.string()
    .default(OTLP_PROTOCOL)
    .description(
      'How spans are sent. The gateway has nothing else than `http/json`: with another one, none are sent',
    ),
  OTEL_EXPORTER_OTLP_HEADERS: withEndpoint(otlpHeaders)
    .default({})
    .tag(SECRET)
    .description(
      'Headers of these requests, such as `api-key=secret`, separated by commas; values as in URLs, with `%2C` for a comma',
    ),
  OTEL_SERVICE_NAME: withEndpoint(serviceName)
    .default('recall-gateway')
    .description('What the spans call this service'),
  OTEL_TRACES_SAMPLER_ARG: withEndpoint(Joi.number().min(0).max(1))
    .default(1)
    .description(
      'Share of the webhooks that get spans, from 0 to 1. Where a proxy in `TRUST_PROXY` sends `traceparent`, that decides',
    ),
}
