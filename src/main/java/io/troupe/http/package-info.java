/** The HTTP API: REST, events, metrics, health, console. Nothing lives here yet. */
package io.troupe.http;
