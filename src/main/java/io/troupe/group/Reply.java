package io.troupe.group;

/** Where the answer to one request goes. The first answer counts, later ones are ignored. Any thread. */
@FunctionalInterface
interface Reply<T> {
    void answer(T response);

    /** None is owed any more, though one may still come. */
    default void forgo() {}
}
