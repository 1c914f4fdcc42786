// Builds the app in the folder it runs in as webpack does without a configuration; there is no webpack-cli here.
import webpack from "webpack";

const compiler = webpack({ mode: "production" });
compiler.run((error, stats) => {
  console.log(error ?? stats.toString({ colors: false }));
  if (error || stats.hasErrors()) process.exitCode = 1;
  compiler.close(() => undefined);
});
