package io.troupe.http;

/** What is sent to and from consumer instances, between nodes too. */
interface InstanceMessage {}
