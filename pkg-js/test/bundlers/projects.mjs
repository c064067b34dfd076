/** Makes a project for each bundler, with the packed package installed as users install it. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(path.dirname(here));

/** Packs the package and installs it once. `folder` has the bundlers; old projects in it are removed. Returns the folder of the projects. */
export function install(folder) {
  const projects = path.join(folder, "projects");
  rmSync(projects, { recursive: true, force: true });
  const installed = path.join(projects, "installed");
  mkdirSync(installed, { recursive: true });
  const npm = (args, cwd) => execFileSync("npm", args, { cwd, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--ignore-scripts", "--pack-destination", installed], root));
  writeFileSync(path.join(installed, "package.json"), JSON.stringify({ private: true }));
  npm(["install", "--no-audit", "--no-fund", path.join(installed, filename)], installed);
  return projects;
}

/** Makes the project `name` with the files of the bundler's folder. */
export function project(projects, name, bundler) {
  const folder = path.join(projects, name);
  cpSync(path.join(projects, "installed", "node_modules", "waterspout"), path.join(folder, "node_modules", "waterspout"), { recursive: true });
  // The package.json of a bundler's folder replaces this file. Bundlers take the folder of a lock file as the root of a project.
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages: {} }));
  // A bundler that needs no configuration has no folder.
  for (const part of ["pages", bundler].map((part) => path.join(here, part)).filter(existsSync)) cpSync(part, folder, { recursive: true });
  return folder;
}

/** Returns the path of a program that npm installed in `folder`. */
export const program = (folder, name) => path.join(folder, "node_modules", ".bin", name);
