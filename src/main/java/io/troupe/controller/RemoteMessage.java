package io.troupe.controller;

/** Marks what actors of this package send to other nodes; its bytes are {@link ControllerSerializer}'s. */
interface RemoteMessage {}
