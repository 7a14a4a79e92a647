package io.troupe.group;

/** Where the answer to one request goes. The first answer counts, later ones are ignored. Any thread. */
@FunctionalInterface
interface Reply<T> {
    void answer(T response);
}
