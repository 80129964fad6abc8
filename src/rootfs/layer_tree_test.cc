// SPDX-License-Identifier: Apache-2.0
#include "rootfs/layer_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <initializer_list>

#include "result_matchers.h"
#include "tar_writer.h"

namespace supermachine::rootfs {
namespace {

using ::testing::HasSubstr;

class LayerTreeTest : public ::testing::Test {
 protected:
  // Applies one layer after another; the first failure ends it.
  Status apply(std::initializer_list<TarWriter> layers) {
    for (const TarWriter& layer : layers) {
      const std::string tar = layer.finish();
      MemorySource source(std::as_bytes(std::span(tar)));
      SM_TRY(tree_.apply(source));
    }
    return {};
  }

  std::string content(std::string_view path) {
    const Node* node = tree_.find(path);
    if (node == nullptr || !S_ISREG(node->attributes.mode)) return "<no file>";
    EXPECT_THAT(spool_.flush(), IsOk());
    std::string text(node->attributes.content.size, '\0');
    EXPECT_THAT(spool_.read(node->attributes.content, 0,
                            std::as_writable_bytes(std::span(text.data(), text.size()))),
                IsOk());
    return text;
  }

  bool has(std::string_view path) { return tree_.find(path) != nullptr; }

  Limits limits_;
  Spool spool_ = Spool::create("/tmp").value();
  LayerTree tree_{limits_, spool_};
};

TEST_F(LayerTreeTest, TakesAttributesFromTheEntry) {
  TarWriter layer;
  layer.pax("SCHILY.xattr.user.note", "hi")
      .pax("SCHILY.xattr.user.note", "hello")
      .add({.name = "./bin/tool", .mode = 04755, .uid = 7, .gid = 8, .mtime = 99}, "x");

  ASSERT_THAT(apply({layer}), IsOk());

  const Attributes& tool = tree_.find("bin/tool")->attributes;
  EXPECT_EQ(tool.mode, S_IFREG | 04755U);
  EXPECT_EQ(tool.uid, 7U);
  EXPECT_EQ(tool.gid, 8U);
  EXPECT_EQ(tool.mtime, 99U);
  EXPECT_EQ(tool.xattrs.at("user.note"), "hello");
  const Attributes& made_on_the_way = tree_.find("bin")->attributes;
  EXPECT_EQ(made_on_the_way.mode, S_IFDIR | 0755U);
}

TEST_F(LayerTreeTest, GivesTheRootItsOwnEntry) {
  ASSERT_THAT(apply({TarWriter().directory("./", 0700).file("a")}), IsOk());

  EXPECT_EQ(tree_.node(LayerTree::kRoot).attributes.mode, S_IFDIR | 0700U);
  EXPECT_TRUE(has("a"));
}

TEST_F(LayerTreeTest, StripsLeadingSlashesAndDots) {
  ASSERT_THAT(apply({TarWriter().file("/etc/a", "1").file("./etc//./b", "2")}), IsOk());

  EXPECT_EQ(content("etc/a"), "1");
  EXPECT_EQ(content("etc/b"), "2");
}

TEST_F(LayerTreeTest, LetsLaterLayersReplaceFiles) {
  ASSERT_THAT(apply({TarWriter().file("a", "old").file("b", "b"), TarWriter().file("a", "new")}),
              IsOk());

  EXPECT_EQ(content("a"), "new");
  EXPECT_EQ(content("b"), "b");
}

TEST_F(LayerTreeTest, KeepsWhatADirectoryHoldsWhenItIsListedAgain) {
  ASSERT_THAT(
      apply({TarWriter().directory("d/", 0755).file("d/a"), TarWriter().directory("d/", 0700)}),
      IsOk());

  EXPECT_TRUE(has("d/a"));
  EXPECT_EQ(tree_.find("d")->attributes.mode, S_IFDIR | 0700U);
}

TEST_F(LayerTreeTest, LetsAFileReplaceADirectoryAndBack) {
  ASSERT_THAT(apply({TarWriter().file("d/a").file("f", "f"),
                     TarWriter().file("d", "now a file").directory("f/").file("f/b")}),
              IsOk());

  EXPECT_EQ(content("d"), "now a file");
  EXPECT_TRUE(has("f/b"));
}

TEST_F(LayerTreeTest, HidesWhatAWhiteoutNames) {
  ASSERT_THAT(apply({TarWriter().file("a").file("d/x").file("d/y"),
                     TarWriter().file(".wh.a").file("d/.wh.x")}),
              IsOk());

  EXPECT_FALSE(has("a"));
  EXPECT_FALSE(has("d/x"));
  EXPECT_TRUE(has("d/y"));
  EXPECT_FALSE(has(".wh.a"));
}

TEST_F(LayerTreeTest, HidesWholeDirectories) {
  ASSERT_THAT(apply({TarWriter().file("d/e/f"), TarWriter().file(".wh.d")}), IsOk());

  EXPECT_FALSE(has("d"));
}

TEST_F(LayerTreeTest, HidesNothingOfItsOwnLayer) {
  ASSERT_THAT(apply({TarWriter().file("a", "old").file("d/old"), TarWriter()
                                                                     .file("a", "new")
                                                                     .file(".wh.a")
                                                                     .file("d/new")
                                                                     .file("d/.wh..wh..opq")
                                                                     .file("d/newer")}),
              IsOk());

  EXPECT_EQ(content("a"), "new");
  EXPECT_FALSE(has("d/old"));
  EXPECT_TRUE(has("d/new"));
  EXPECT_TRUE(has("d/newer"));
}

TEST_F(LayerTreeTest, ShowsALowerFileNoMoreOnceTwoLayersHadTheirSay) {
  ASSERT_THAT(apply({TarWriter().file("a", "1"), TarWriter().file(".wh.a"), TarWriter().file("b"),
                     TarWriter().file("a", "2"), TarWriter().file(".wh.a")}),
              IsOk());

  EXPECT_FALSE(has("a"));
  EXPECT_TRUE(has("b"));
}

TEST_F(LayerTreeTest, ClearsAllLevelsBelowAnOpaqueDirectory) {
  ASSERT_THAT(apply({TarWriter().file("d/e/f/old").file("d/x"),
                     TarWriter().directory("d/").file("d/.wh..wh..opq").file("d/e/f/new")}),
              IsOk());

  EXPECT_FALSE(has("d/x"));
  EXPECT_FALSE(has("d/e/f/old"));
  EXPECT_TRUE(has("d/e/f/new"));
}

TEST_F(LayerTreeTest, IgnoresWhiteoutsOfWhatIsNotThereAndAufsRecords) {
  ASSERT_THAT(
      apply({TarWriter().file(".wh.nothing").file(".wh..wh.plnk").file(".wh..wh.aufs").file("a")}),
      IsOk());

  EXPECT_EQ(tree_.node(LayerTree::kRoot).children.size(), 1U);
}

TEST_F(LayerTreeTest, RefusesWhiteoutsOfNoName) {
  for (const char* name : {".wh.", ".wh..", ".wh..."}) {
    EXPECT_THAT(apply({TarWriter().file(name)}), Fails(Errc::kCorrupt)) << name;
  }
}

TEST_F(LayerTreeTest, SharesHardLinkedFiles) {
  ASSERT_THAT(apply({TarWriter().file("a", "one").hard_link("b", "a").hard_link("c", "/b")}),
              IsOk());

  EXPECT_EQ(tree_.find("a"), tree_.find("b"));
  EXPECT_EQ(tree_.find("a"), tree_.find("c"));
}

TEST_F(LayerTreeTest, LeavesOtherNamesAloneWhenOneOfThemIsReplaced) {
  ASSERT_THAT(apply({TarWriter().file("a", "one").hard_link("b", "a"),
                     TarWriter().file("a", "two").hard_link("d", "b")}),
              IsOk());

  EXPECT_EQ(content("a"), "two");
  EXPECT_EQ(content("b"), "one");
  EXPECT_EQ(tree_.find("b"), tree_.find("d"));
}

TEST_F(LayerTreeTest, LinksToASymlinkWithoutFollowingIt) {
  ASSERT_THAT(apply({TarWriter().symlink("s", "/etc/passwd").hard_link("h", "s")}), IsOk());

  EXPECT_EQ(tree_.find("h"), tree_.find("s"));
  EXPECT_FALSE(has("etc"));
}

TEST_F(LayerTreeTest, RefusesHardLinksToNothingOrToDirectories) {
  EXPECT_THAT(apply({TarWriter().hard_link("a", "missing")}), Fails(Errc::kCorrupt));
  EXPECT_THAT(apply({TarWriter().directory("d/").hard_link("a", "d")}), Fails(Errc::kCorrupt));
  EXPECT_THAT(apply({TarWriter().hard_link("a", "/")}), Fails(Errc::kCorrupt));
  EXPECT_THAT(apply({TarWriter().hard_link("a", "../../etc/passwd")}), Fails(Errc::kCorrupt));
}

TEST_F(LayerTreeTest, RefusesNamesThatClimb) {
  for (const char* name : {"../a", "a/../../b", "/../etc/passwd", "d/..", "d/.wh..wh..opq/../x"}) {
    const Status status = apply({TarWriter().file(name)});
    ASSERT_THAT(status, Fails(Errc::kCorrupt)) << name;
    EXPECT_THAT(status.error().message(), HasSubstr(name));
  }
}

TEST_F(LayerTreeTest, ResolvesSymlinksOfLowerLayersInsideTheTree) {
  ASSERT_THAT(apply({TarWriter()
                         .directory("usr/bin/")
                         .symlink("bin", "usr/bin")
                         .symlink("usr/sbin", "/bin/./"),
                     TarWriter().file("bin/a", "1").file("usr/sbin/b", "2")}),
              IsOk());

  EXPECT_EQ(content("usr/bin/a"), "1");
  EXPECT_EQ(content("usr/bin/b"), "2");
  EXPECT_TRUE(S_ISLNK(tree_.find("bin")->attributes.mode));
}

TEST_F(LayerTreeTest, FollowsParentReferencesInSymlinksUpToTheRoot) {
  ASSERT_THAT(apply({TarWriter().symlink("a/b/up", "../../c"), TarWriter().file("a/b/up/f", "1")}),
              IsOk());

  EXPECT_EQ(content("c/f"), "1");
}

TEST_F(LayerTreeTest, RefusesToWriteThroughASymlinkOfTheSameLayer) {
  const Status status =
      apply({TarWriter().symlink("escape", "/etc").file("escape/passwd", "root::0:0::/:/bin/sh")});

  ASSERT_THAT(status, Fails(Errc::kCorrupt));
  EXPECT_THAT(status.error().message(), HasSubstr("'escape', a symlink of the same layer"));
}

TEST_F(LayerTreeTest, RefusesToLinkThroughASymlinkOfTheSameLayer) {
  EXPECT_THAT(apply({TarWriter().file("d/f").symlink("s", "d").hard_link("h", "s/f")}),
              Fails(Errc::kCorrupt));
}

TEST_F(LayerTreeTest, RefusesToFollowASymlinkThatLeavesTheRoot) {
  EXPECT_THAT(
      apply({TarWriter().symlink("escape", "../../etc"), TarWriter().file("escape/passwd")}),
      Fails(Errc::kCorrupt));
}

TEST_F(LayerTreeTest, RefusesSymlinksThatGoRoundInCircles) {
  EXPECT_THAT(apply({TarWriter().symlink("a", "b").symlink("b", "a"), TarWriter().file("a/f")}),
              Fails(Errc::kCorrupt));
}

TEST_F(LayerTreeTest, RefusesToRunThroughAFile) {
  EXPECT_THAT(apply({TarWriter().file("f").file("f/below")}), Fails(Errc::kCorrupt));
}

TEST_F(LayerTreeTest, ReplacesASymlinkInsteadOfWritingThroughIt) {
  ASSERT_THAT(apply({TarWriter().file("etc/passwd", "real").symlink("a", "etc/passwd"),
                     TarWriter().file("a", "mine")}),
              IsOk());

  EXPECT_EQ(content("etc/passwd"), "real");
  EXPECT_EQ(content("a"), "mine");
}

TEST_F(LayerTreeTest, RefusesToReplaceTheRoot) {
  EXPECT_THAT(apply({TarWriter().file("./", "x")}), Fails(Errc::kCorrupt));
  EXPECT_THAT(apply({TarWriter().symlink(".", "/etc")}), Fails(Errc::kCorrupt));
}

TEST_F(LayerTreeTest, DropsAttributesThatSquashfsOrTheGuestMustNotHave) {
  ASSERT_THAT(apply({TarWriter()
                         .pax("SCHILY.xattr.trusted.overlay.opaque", "y")
                         .pax("SCHILY.xattr.system.posix_acl_access", "acl")
                         .pax("SCHILY.xattr.security.capability", "cap")
                         .file("f")}),
              IsOk());

  // Each pax header replaces none of the ones before it.
  const auto& xattrs = tree_.find("f")->attributes.xattrs;
  EXPECT_EQ(xattrs.size(), 1U);
  EXPECT_EQ(xattrs.at("security.capability"), "cap");
}

TEST_F(LayerTreeTest, RefusesDeviceNumbersSquashfsCannotHold) {
  EXPECT_THAT(apply({TarWriter().add({.name = "c", .type = '3', .major = 4096})}),
              Fails(Errc::kCorrupt));
}

TEST_F(LayerTreeTest, RefusesComponentsLongerThanAFileNameCanBe) {
  EXPECT_THAT(apply({TarWriter().pax("path", std::string(256, 'n')).file("x")}),
              Fails(Errc::kCorrupt));
}

TEST_F(LayerTreeTest, RefusesComponentsOfASymlinkLongerThanAFileNameCanBe) {
  const std::string target = std::string(256, 'x') + "/b";
  EXPECT_THAT(
      apply({TarWriter().pax("linkpath", target).symlink("a", "cut"), TarWriter().file("a/c")}),
      FailsSaying(Errc::kCorrupt, "longer than 255 bytes"));
}

TEST_F(LayerTreeTest, RefusesDirectoriesThatAreNamedLikeWhiteouts) {
  EXPECT_THAT(apply({TarWriter().file(".wh.d/a")}),
              FailsSaying(Errc::kCorrupt, "'.wh.d', a name of whiteouts"));
  EXPECT_THAT(apply({TarWriter().symlink("s", ".wh.d"), TarWriter().file("s/a")}),
              FailsSaying(Errc::kCorrupt, "'.wh.d', a name of whiteouts"));
}

TEST_F(LayerTreeTest, RefusesALayerThatEndsEarly) {
  const std::string tar = TarWriter().file("a", std::string(2000, 'x')).finish();
  MemorySource source(std::as_bytes(std::span(tar)).first(1024));

  const Status status = tree_.apply(source);

  ASSERT_THAT(status, Fails(Errc::kCorrupt));
  EXPECT_EQ(status.error().message(), "archive is truncated");
}

TEST(LayerTreeLimits, EndAnImageThatAsksForTooMuch) {
  Spool spool = Spool::create("/tmp").value();
  const auto apply = [&](const Limits& limits, const TarWriter& layer) {
    LayerTree tree(limits, spool);
    const std::string tar = layer.finish();
    MemorySource source(std::as_bytes(std::span(tar)));
    return tree.apply(source);
  };
  const TarWriter three_files =
      TarWriter().file("a", "12345").file("b", "12345").file("c", "12345");

  EXPECT_THAT(apply({.content_bytes = 14}, three_files), Fails(Errc::kExhausted));
  EXPECT_THAT(apply({.content_bytes = 15}, three_files), IsOk());
  EXPECT_THAT(apply({.entries = 2}, three_files), Fails(Errc::kExhausted));
  EXPECT_THAT(apply({.metadata_bytes = 2}, three_files), Fails(Errc::kExhausted));
  EXPECT_THAT(apply({.entries = 4}, TarWriter().file("a/b/c/d/e/f/g/h/i/j/k/l/m/n")),
              Fails(Errc::kExhausted));
  EXPECT_THAT(
      apply({.xattr_value_bytes = 2}, TarWriter().pax("SCHILY.xattr.user.a", "123").file("a")),
      Fails(Errc::kCorrupt));
}

// A layer of nothing but opaque marks, over a wide directory, must not cost the square of its size.
TEST(LayerTreeLimits, ClearADirectoryOncePerLayer) {
  constexpr int kFiles = 5'000;
  Spool spool = Spool::create("/tmp").value();
  LayerTree tree(Limits{}, spool);
  TarWriter wide;
  for (int i = 0; i < kFiles; ++i) wide.file("d/" + std::to_string(i));
  for (int i = 0; i < kFiles; ++i) wide.file("d/.wh..wh..opq");
  const std::string tar = wide.finish();
  MemorySource source(std::as_bytes(std::span(tar)));

  ASSERT_THAT(tree.apply(source), IsOk());

  EXPECT_EQ(tree.find("d")->children.size(), static_cast<std::size_t>(kFiles));
}

}  // namespace
}  // namespace supermachine::rootfs
