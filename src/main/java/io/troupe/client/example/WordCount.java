package io.troupe.client.example;

import io.troupe.client.AdminActor;
import io.troupe.client.ConsumerActor;
import io.troupe.client.ConsumerSettings;
import io.troupe.client.ProducerActor;
import io.troupe.client.ProducerSettings;
import io.troupe.client.RecordHandler;
import io.troupe.client.SendResult;
import io.troupe.client.Subscription;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.japi.function.Function;
import org.slf4j.LoggerFactory;

/**
 * Counts the words of a text by way of a topic: an admin actor makes the topic, a producer actor writes the words, keyed by themselves, and a consumer actor
 * counts them, each partition on its own. Prints the ten most frequent ones.
 *
 * <p>{@code bin/troupe-run-class.sh io.troupe.client.example.WordCount localhost:9092 README.md}
 */
public final class WordCount {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    /** Whether a broker answers shows at the first request. */
    private static final String PATIENCE_MS = "10000";

    private static final Pattern BETWEEN = Pattern.compile("[^\\p{L}\\p{N}]+");
    private static final int WORDS_AT_ONCE = 500;

    private final ActorSystem<Void> system;

    private WordCount(ActorSystem<Void> system) {
        this.system = system;
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 2) {
            System.err.println("usage: WordCount HOST:PORT FILE");
            System.exit(2);
        }
        Path file = Path.of(args[1]);
        if (!Files.isReadable(file) || Files.isDirectory(file)) {
            System.err.println("There is no file " + file.toAbsolutePath() + " that can be read.");
            System.exit(2);
        }
        // Before there are threads that would find it being set up, of which SLF4J warns.
        LoggerFactory.getILoggerFactory();
        Map<String, Long> counts;
        try {
            counts = count(args[0], file);
        } catch (IllegalStateException | TimeoutException e) {
            System.err.println(e.getMessage());
            System.exit(1);
            return;
        }
        counts.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey()))
                .limit(10)
                .forEach(e -> System.out.printf("%7d %s%n", e.getValue(), e.getKey()));
    }

    /** How often each word, in lower case, is in a file of UTF-8 text. */
    public static Map<String, Long> count(String bootstrap, Path file) throws Exception {
        ActorSystem<Void> system = ActorSystem.create(Behaviors.<Void>empty(), "word-count");
        try {
            return new WordCount(system).run(bootstrap, words(file));
        } finally {
            system.terminate();
        }
    }

    private Map<String, Long> run(String bootstrap, List<String> words) throws Exception {
        // All the configuration there is: where the brokers are, what records hold, a topic and a group.
        String topic = "words-" + UUID.randomUUID();
        ProducerSettings<String, String> producing =
                ProducerSettings.of(bootstrap, new StringSerializer(), new StringSerializer());
        ConsumerSettings<String, String> consuming =
                ConsumerSettings.of(bootstrap, topic, new StringDeserializer(), new StringDeserializer());
        NewTopic threePartitions = new NewTopic(topic, 3, (short) 1);

        Map<String, Long> counts = new ConcurrentHashMap<>();
        CountDownLatch missing = new CountDownLatch(words.size());
        RecordHandler<String, String> counter = word -> {
            counts.merge(word.key(), 1L, Long::sum);
            missing.countDown();
        };

        ActorRef<AdminActor.Command> admin = spawn(
                "admin",
                AdminActor.create(Map.of(
                        "bootstrap.servers",
                        bootstrap,
                        "default.api.timeout.ms",
                        PATIENCE_MS,
                        "request.timeout.ms",
                        PATIENCE_MS)));
        AdminActor.Outcomes<String, Done> made =
                ask(admin, replyTo -> new AdminActor.CreateTopics(List.of(threePartitions), replyTo));
        if (made.each().get(topic) instanceof AdminActor.Failed<Done> failed) {
            throw new IllegalStateException("Topic " + topic + " cannot be made at " + bootstrap + ": "
                    + failed.failure().message());
        }
        ActorRef<ProducerActor.Command<String, String>> producer = spawn("producer", ProducerActor.create(producing));
        ActorRef<ConsumerActor.Command> consumer = spawn(
                "consumer", ConsumerActor.create(consuming, Subscription.topics(topic), RecordHandler.each(counter)));

        for (int from = 0; from < words.size(); from += WORDS_AT_ONCE) {
            List<ProducerRecord<String, String>> records =
                    words.subList(from, Math.min(from + WORDS_AT_ONCE, words.size())).stream()
                            .map(word -> new ProducerRecord<>(topic, word, ""))
                            .toList();
            SendResult.All sent = ask(producer, replyTo -> new ProducerActor.SendAll<>(records, replyTo));
            if (!sent.isSent()) {
                throw new IllegalStateException("not all was sent: " + sent.results());
            }
        }
        if (!missing.await(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
            throw new TimeoutException(missing.getCount() + " words have not come back");
        }

        this.<ConsumerActor.Command, Done>ask(consumer, ConsumerActor.Stop::new);
        this.<ProducerActor.Command<String, String>, Done>ask(producer, ProducerActor.Stop::new);
        this.<AdminActor.Command, AdminActor.Outcomes<String, Done>>ask(
                admin, replyTo -> new AdminActor.DeleteTopics(Set.of(topic), replyTo));
        this.<AdminActor.Command, AdminActor.Outcomes<String, Done>>ask(
                admin, replyTo -> new AdminActor.DeleteGroups(Set.of(topic), replyTo));
        return counts;
    }

    private <T> ActorRef<T> spawn(String name, Behavior<T> behavior) {
        return system.systemActorOf(behavior, name, Props.empty());
    }

    private <C, R> R ask(ActorRef<C> actor, Function<ActorRef<R>, C> question) throws Exception {
        return AskPattern.ask(actor, question, LIMIT, system.scheduler())
                .toCompletableFuture()
                .get();
    }

    private static List<String> words(Path file) throws Exception {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.flatMap(line -> BETWEEN.splitAsStream(line.toLowerCase(Locale.ROOT)))
                    .filter(word -> !word.isEmpty())
                    .toList();
        }
    }
}
