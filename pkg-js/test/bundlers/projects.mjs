/** The projects: one for each bundler, with the packed package in it as a user would have it. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(path.dirname(here));

/** Packs the package and installs it, once; `folder` has the bundlers, and all projects are made anew in it. */
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

/** A project of its own for what is tested as `name`, with the files of the bundler's folder here. */
export function project(projects, name, bundler) {
  const folder = path.join(projects, name);
  cpSync(path.join(projects, "installed", "node_modules", "waterspout"), path.join(folder, "node_modules", "waterspout"), { recursive: true });
  // A package.json of the bundler's own wins. Where a lock file is, bundlers take a project to begin.
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages: {} }));
  // Where a bundler needs nothing of its user, there is no folder of its own.
  for (const part of ["pages", bundler].map((part) => path.join(here, part)).filter(existsSync)) cpSync(part, folder, { recursive: true });
  return folder;
}

/** The program of that name among those that npm installed in `folder`. */
export const program = (folder, name) => path.join(folder, "node_modules", ".bin", name);
