/** Programs to read and to run that use the client actors: {@link io.troupe.client.example.WordCount}. */
package io.troupe.client.example;
