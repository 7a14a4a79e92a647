package io.troupe;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The order of the packages, as ARCHITECTURE.md draws it: a package imports only from those before it in the list. */
class ArchitectureTest {
    private static final List<String> ORDER = List.of(
            "model",
            "config",
            "dispatch",
            "record",
            "journal",
            "metadata",
            "controller",
            "partition",
            "group",
            "transaction",
            "protocol",
            "api",
            "http",
            "server",
            "client",
            "tools",
            "embedded");

    private static final String KAFKA_RECORDS = "org.apache.kafka.common.record.internal..";

    private static final JavaClasses TROUPE = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.troupe");

    @Test
    void packagesImportOnlyFromThoseAbove() {
        for (String name : ORDER) {
            importsOnlyFromAbove("io.troupe.", name).check(TROUPE);
        }
    }

    @Test
    void everyClassLivesInAKnownPackage() {
        classes()
                .that()
                .doNotHaveSimpleName("package-info")
                .should()
                .resideInAnyPackage(
                        ORDER.stream().map(p -> "io.troupe." + p + "..").toArray(String[]::new))
                .check(TROUPE);
    }

    @Test
    void clientsAndToolsKnowNothingOfTheBroker() {
        for (String name : List.of("client", "tools")) {
            noClasses()
                    .that()
                    .resideInAPackage("io.troupe." + name + "..")
                    .should()
                    .dependOnClassesThat(inOtherPackagesThan("io.troupe.", name))
                    .allowEmptyShould(true)
                    .check(TROUPE);
        }
    }

    @Test
    void onlyRecordAndProtocolTouchKafkasRecordFormat() {
        noClasses()
                .that()
                .resideOutsideOfPackages("io.troupe.record..", "io.troupe.protocol..", "io.troupe.api..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(KAFKA_RECORDS)
                .check(TROUPE);
    }

    /** The rule must be able to fail: the fixture's model reaches down to its server. */
    @Test
    void anImportFromBelowIsFound() {
        JavaClasses fixture = new ClassFileImporter().importPackages("io.troupe.fixture.architecture");
        ArchRule rule = importsOnlyFromAbove("io.troupe.fixture.architecture.", "model");
        AssertionError error = assertThrows(AssertionError.class, () -> rule.check(fixture));
        assertTrue(error.getMessage().contains("ReachesBelow"), error.getMessage());
    }

    /** No class of {@code root + name} depends on a class of a package that stands after it. */
    private static ArchRule importsOnlyFromAbove(String root, String name) {
        String[] below = ORDER.subList(ORDER.indexOf(name) + 1, ORDER.size()).stream()
                .map(p -> root + p + "..")
                .toArray(String[]::new);
        return noClasses()
                .that()
                .resideInAPackage(root + name + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(below)
                .allowEmptyShould(true)
                .because("a package imports only from those above it in ARCHITECTURE.md");
    }

    private static DescribedPredicate<JavaClass> inOtherPackagesThan(String root, String name) {
        return DescribedPredicate.describe(
                "in other packages of Troupe",
                c -> c.getPackageName().startsWith(root) && !(c.getPackageName() + ".").startsWith(root + name + "."));
    }
}
