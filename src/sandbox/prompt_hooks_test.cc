#include "sandbox/prompt_hooks.h"

#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

TEST(Hooks, AreReadFromAnywhereInTheText) {
  const Hooks hooks = read_hooks(
      "a [[sandbox:echo one two]] b [[sandbox:reasoning why]] [[sandbox:stop length]] "
      "[[sandbox:tool f]]");
  EXPECT_EQ(hooks.echo, "one two");
  EXPECT_EQ(hooks.reasoning, "why");
  EXPECT_EQ(hooks.stop, "length");
  EXPECT_EQ(hooks.tool, "f");
  EXPECT_FALSE(hooks.error);
}

TEST(Hooks, KeepBracketsInsideWhatTheyEcho) {
  EXPECT_EQ(read_hooks("[[sandbox:echo [1,[2]]]]").echo, "[1,[2]]");
  EXPECT_EQ(read_hooks("[[sandbox:echo ]]").echo, "");
  EXPECT_EQ(read_hooks("[[sandbox:echo a\nb]]").echo, "a\nb");
}

TEST(Hooks, ThatAreBrokenAreText) {
  EXPECT_FALSE(read_hooks("[[sandbox:echo open").echo);
  EXPECT_FALSE(read_hooks("[[sandbox:echoes x]]").echo);
  EXPECT_FALSE(read_hooks("[[sandbox:error 200 fine]]").error);
  EXPECT_FALSE(read_hooks("[[sandbox:error many]]").error);
}

TEST(Hooks, TheFirstErrorOfAConversationStaysAndTheRestIsTheLastMessages) {
  Hooks hooks;
  add_hooks(hooks, "[[sandbox:error 429 slow]] [[sandbox:echo a]]");
  add_hooks(hooks, "[[sandbox:error 500 boom]] [[sandbox:stop x]]");
  ASSERT_TRUE(hooks.error);
  EXPECT_EQ(hooks.error->code, 429);
  EXPECT_EQ(hooks.error->message, "slow");
  EXPECT_FALSE(hooks.echo);
  EXPECT_EQ(hooks.stop, "x");
}

}  // namespace
}  // namespace quarry::sandbox
