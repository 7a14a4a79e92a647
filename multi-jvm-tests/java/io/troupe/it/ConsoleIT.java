package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The console as somebody sees and uses it in a browser; Debian's package chromium. */
@Timeout(600)
class ConsoleIT {
    private static final int PORT = Ports.free();
    private static final String HOME = "http://127.0.0.1:" + PORT + "/";
    private static final String TOPIC = "letters";
    private static final String GROUP = "readers";
    private static final String EVIL = "<img src=x onerror=\"window.done=1\"><script>window.done=1</script>";

    private static BrokerProcess broker;
    private static Clients clients;
    private static KafkaConsumer<String, String> member;
    private static Chromium browser;

    @BeforeAll
    static void start() throws Exception {
        Need.troupe();
        Path program = Need.program("chromium");
        broker = BrokerProcess.create("console", Map.of("troupe.http.listener", "127.0.0.1:" + PORT))
                .start();
        browser = new Chromium(program);
        clients = new Clients(broker);
        clients.topic(TOPIC, 3, Map.of());
        try (KafkaProducer<String, String> producer = clients.producer()) {
            for (int i = 0; i < 5; i++) {
                producer.send(new ProducerRecord<>(TOPIC, 0, "k" + i, "{\"n\":" + i + "}"));
            }
            producer.send(new ProducerRecord<>(TOPIC, 1, EVIL, EVIL)).get(100, TimeUnit.SECONDS);
        }
        member = clients.consumer("group.id", GROUP, "max.poll.records", "2");
        member.subscribe(List.of(TOPIC));
        Clients.await("the member has read", () -> !member.poll(Duration.ofMillis(100))
                .isEmpty());
        member.commitSync();
        broker.awaitOutput("HTTP is served at", 0);
    }

    @AfterAll
    static void stop() throws Exception {
        if (member != null) {
            member.close();
        }
        if (browser != null) {
            browser.close();
        }
        if (broker != null) {
            broker.close();
        }
    }

    /** Whatever was shown: no script failed, nothing was fetched from elsewhere, and what records hold did nothing. */
    @AfterEach
    void nothingElseHappened() {
        assertEquals(List.of(), browser.errors);
        List<String> elsewhere = new ArrayList<>(browser.requests);
        // The browser's own pictures in its form fields are data.
        elsewhere.removeIf(url -> url.startsWith(HOME) || url.startsWith("about:") || url.startsWith("data:"));
        assertEquals(List.of(), elsewhere);
        assertEquals(null, browser.value("window.done"));
    }

    private static void show(String address) {
        if (!String.valueOf(browser.value("location.href")).startsWith(HOME)) {
            browser.open(HOME);
        }
        browser.value("location.hash = '" + address + "'; 0");
        browser.await("document.getElementById('main').dataset.address === '" + address
                + "' && document.querySelector('main h1')");
    }

    private static String text(String selector) {
        return String.valueOf(browser.value("document.querySelector('" + selector + "')?.innerText"));
    }

    private static void contains(String part, String selector) {
        browser.await("document.querySelector('" + selector + "')?.innerText.includes('" + part + "')");
    }

    private static void click(String selector) {
        browser.await("document.querySelector('" + selector + "')");
        browser.value("document.querySelector('" + selector + "').click()");
    }

    private static void fill(String selector, String value) {
        browser.await("document.querySelector('" + selector + "')");
        browser.value("document.querySelector('" + selector + "').focus()");
        browser.type(value);
    }

    @Test
    void theOverviewSaysWhetherAllIsWell() {
        show("#/");
        contains("All is well", "#verdict");
        contains("127.0.0.1:" + broker.port(), "main table");
        assertTrue(text(".tiles").contains("Replicas in sync"), text(".tiles"));
    }

    @Test
    void topicsLeadToTheirReplicasAndBackAgain() {
        show("#/topics");
        contains(TOPIC, "main table");
        click("td a[href=\"#/topics/letters\"]");
        browser.await("document.querySelectorAll('.map .rep.leader').length === 3");
        assertEquals("1 leader", browser.value("document.querySelector('.map .rep').textContent"));
        browser.value("history.back()");
        browser.await("document.querySelector('h1').textContent === 'Topics'");
    }

    @Test
    void ofManyTopicsAHundredAreShownAtATime() {
        try (Admin admin = clients.admin()) {
            Clients.get(admin.createTopics(IntStream.range(0, 150)
                            .mapToObj(i -> new NewTopic(String.format("many-%03d", i), 1, (short) 1))
                            .toList())
                    .all());
        }
        show("#/topics");
        browser.await("document.querySelectorAll('main tbody tr').length === 100");
        click("main .pager a");
        contains("many-149", "main table");
        assertEquals(
                0L, number("[...document.querySelectorAll('td a')].filter(a => a.innerText === 'letters').length"));
        fill("#contains", "many-14");
        browser.await("document.querySelectorAll('main tbody tr').length === 10");
        show("#/records");
        fill("#topic", "ny-123");
        browser.await("document.querySelector('#topic-names option')?.value === 'many-123'");
    }

    /** Indented, each bracket on a line of its own, it would have a gigabyte of blanks. */
    @Test
    void jsonOfAnyDepthIsShown() throws Exception {
        try (KafkaProducer<String, String> producer = clients.producer()) {
            String deep = "[".repeat(30_000) + "]".repeat(30_000);
            producer.send(new ProducerRecord<>("deep", deep)).get(100, TimeUnit.SECONDS);
        }
        show("#/records?topic=deep&from=earliest");
        click("#records summary");
        browser.await("document.querySelector('#records pre')?.textContent.startsWith('[')");
        assertTrue(number("document.querySelector('#records pre').textContent.length") < 10_000_000);
    }

    @Test
    void whatRecordsHoldIsShownAsText() {
        show("#/records?topic=" + TOPIC + "&from=earliest");
        browser.await("document.querySelectorAll('#records > li').length === 6");
        assertEquals(
                EVIL,
                browser.value(
                        "[...document.querySelectorAll('#records .key')].find(k => k.innerText.includes('img')).textContent"));
        browser.value("[...document.querySelectorAll('#records summary')].forEach(s => s.click())");
        browser.await("document.querySelectorAll('#records pre').length === 12");
        assertEquals(0L, number("document.querySelectorAll('main img, main script').length"));
        assertTrue(text("#records").contains("\"n\": 0"), "JSON is shown with line breaks");
    }

    @Test
    void aKeyIsFoundAndAnOffsetIsGoneTo() {
        show("#/records?topic=" + TOPIC + "&from=earliest&where=key&what=k3");
        browser.await("document.querySelectorAll('#records > li').length === 1");
        contains("k3", "#records");
        show("#/records?topic=" + TOPIC + "&partition=0&from=offset&offset=4");
        browser.await("document.querySelectorAll('#records > li').length === 1");
        contains("k4", "#records");
        show("#/records?topic=" + TOPIC + "&partition=0&from=time&time=2020-01-01T00:00:00");
        browser.await("document.querySelectorAll('#records > li').length === 5");
    }

    @Test
    void whatIsWrittenInTheFormComesToTheLiveTail() throws Exception {
        clients.topic("live", 2, Map.of());
        show("#/produce?topic=live");
        fill("#key", "a key");
        fill("#value", "a value \u00e4 \ud83d\ude42");
        fill("#headers", "kind: greeting");
        click("#write");
        contains("at offset 0", "#said");
        show("#/records?topic=live&from=earliest");
        contains("a value \u00e4 \ud83d\ude42", "#records");
        click("#tail");
        contains("listening", "#said");
        try (KafkaProducer<String, String> producer = clients.producer()) {
            producer.send(new ProducerRecord<>("live", "k", "it comes")).get(100, TimeUnit.SECONDS);
        }
        contains("it comes", "#records");
        show("#/");
        contains("Cluster", "h1");
    }

    @Test
    void aGroupShowsItsLagAndWhatHappened() {
        show("#/groups");
        contains(GROUP, "main table");
        click("td a[href=\"#/groups/" + GROUP + "\"]");
        contains("joined", ".story");
        contains("assigned", ".story");
        contains("in all; the oldest that is not read has been there for", "main");
        assertTrue(number("document.querySelectorAll('.bar .fill.warning').length") >= 1);
    }

    /** The first member does not poll, so it does not come when the second wants to join. */
    @Test
    void aGroupOnTheMoveSaysWhomItWaitsFor() {
        try (KafkaConsumer<String, String> first = clients.consumer("group.id", "movers", "client.id", "slow-one");
                KafkaConsumer<String, String> second = clients.consumer("group.id", "movers")) {
            first.subscribe(List.of(TOPIC));
            Clients.await("the first is assigned", () -> {
                first.poll(Duration.ofMillis(100));
                return first.assignment().size() == 3;
            });
            second.subscribe(List.of(TOPIC));
            show("#/groups/movers");
            Clients.await("the page says so", () -> {
                second.poll(Duration.ofMillis(100));
                return text("#why").contains("It waits for slow-one");
            });
            assertTrue(text("#why").contains("to join"), text("#why"));
        }
    }

    @Test
    void whatIsNotThereIsNamedWithAWayOn() {
        show("#/topics");
        contains(TOPIC, "main table");
        show("#/nowhere");
        contains("There is nothing at this address", "h1");
        show("#/records");
        contains("Choose a topic", "#said");
    }

    @Test
    void theKeyboardIsEnough() {
        browser.open("about:blank");
        browser.open(HOME);
        contains("All is well", "#verdict");
        browser.press("Tab", 9);
        assertEquals("Skip to the content", browser.value("document.activeElement.innerText"));
        for (int i = 0; i < 3; i++) {
            browser.press("Tab", 9);
        }
        assertEquals("Topics", browser.value("document.activeElement.innerText"));
        assertTrue(
                number("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2, "the focus is seen");
        browser.press("Enter", 13);
        browser.await("document.activeElement.textContent === 'Topics' && document.activeElement.tagName === 'H1'");
        show("#/records?topic=" + TOPIC + "&partition=0&from=earliest");
        browser.await("document.querySelectorAll('#records > li').length === 5");
        browser.value("document.querySelector('#records summary').focus()");
        browser.press("Enter", 13);
        browser.await("document.querySelector('#records details').open");
    }

    @Test
    void aSmallScreenAndTheDarkAreEnough() {
        browser.call(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", 360, "height", 700, "deviceScaleFactor", 1, "mobile", true));
        browser.call(
                "Emulation.setEmulatedMedia",
                Map.of(
                        "features",
                        List.of(new LinkedHashMap<>(Map.of("name", "prefers-color-scheme", "value", "dark")))));
        try {
            for (String address : List.of(
                    "#/",
                    "#/topics",
                    "#/topics/" + TOPIC,
                    "#/groups",
                    "#/groups/" + GROUP,
                    "#/records?topic=" + TOPIC,
                    "#/produce")) {
                show(address);
                browser.await(
                        "!document.body.innerText.includes('…') && document.querySelector('main .view').children.length > 1");
                long width = number("document.documentElement.scrollWidth");
                assertTrue(width <= 360, address + " is " + width + " wide");
            }
            assertTrue(brightness("backgroundColor") < 60, "it is dark");
            assertTrue(brightness("color") > 180, "and can be read");
        } finally {
            browser.call("Emulation.clearDeviceMetricsOverride", Map.of());
            browser.call("Emulation.setEmulatedMedia", Map.of("features", List.of()));
        }
        assertTrue(brightness("backgroundColor") > 200, "it is light again");
    }

    private static long brightness(String property) {
        return number(
                "Math.max(...getComputedStyle(document.body)." + property + ".match(/\\d+/g).slice(0, 3).map(Number))");
    }

    private static long number(String expression) {
        return ((Number) browser.value(expression)).longValue();
    }
}
