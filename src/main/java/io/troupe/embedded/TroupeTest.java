package io.troupe.embedded;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * A JUnit 5 test class whose tests have a Kafka cluster, an {@link EmbeddedTroupe}. Its constructor, tests and life-cycle methods may have parameters of
 * these types:
 *
 * <ul>
 *   <li>{@link EmbeddedTroupe};
 *   <li>{@code @BootstrapServers String}: where clients connect;
 *   <li>{@code Admin};
 *   <li>{@code KafkaProducer<K, V>} and {@code KafkaConsumer<K, V>} (or the interfaces {@code Producer} and {@code Consumer}), for those types that
 *       Kafka has serializers for: strings, numbers, bytes, UUIDs. A consumer has a group of its own, begins at the earliest offset and commits when told;
 *       {@link ClientConfig} says otherwise.
 * </ul>
 *
 * After each test what was injected is closed, and topics and groups are deleted. What was injected into a constructor or a method that runs once for the
 * class is closed at its end. Tests of such classes never run at the same time in one JVM. A {@code @Nested} class has its outer class's cluster.
 */
@Documented
@Inherited
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(TroupeExtension.class)
@Execution(ExecutionMode.SAME_THREAD)
@ResourceLock("io.troupe.embedded")
public @interface TroupeTest {
    /** 1 or 3. */
    int brokers() default 1;

    /** Settings of the brokers, {@code key=value} each; see {@link EmbeddedTroupe#start(int, java.util.Map)}. */
    String[] config() default {};

    /** Whether all classes of this JVM that ask for the same have one cluster, which ends with the JVM's tests; else each class has its own. */
    boolean shared() default false;

    /** Whether topics and groups are deleted after each test. */
    boolean reset() default true;
}
